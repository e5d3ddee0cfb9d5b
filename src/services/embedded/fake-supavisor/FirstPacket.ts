/** The first read of a connection: a startup message, a TLS request, a cancel request, or HTTP. */
import { readStartupOptions, type StartupOptions } from "../../config/connection-string/StartupOptions.ts"
import { maxStartupBytes, type Refusal, startupInvalid, startupTooLarge } from "./Refusal.ts"

/** The parameters of a login; all others are dropped silently. */
export interface Startup {
  readonly user: string
  readonly database: string | undefined
  readonly applicationName: string | undefined
  readonly searchPath: string | undefined
  readonly options: StartupOptions
}

export type FirstPacket =
  | { readonly _tag: "Startup"; readonly startup: Startup }
  | { readonly _tag: "Tls" }
  | { readonly _tag: "Cancel"; readonly processId: number; readonly secret: number }
  | { readonly _tag: "Http" }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }

/** Codes and sizes of the messages without a type byte (PostgreSQL docs, "Message Formats"). */
const TLS_REQUEST = { bytes: 8, code: 80_877_103 }
const CANCEL_REQUEST = { bytes: 16, code: 80_877_102 }
/** Length and protocol version; Supavisor ignores the version. */
const STARTUP_HEADER = 8
const CODE_OFFSET = 4
const SECRET_OFFSET = 12

const refused = (refusal: Refusal): FirstPacket => ({ _tag: "Refused", refusal })

const isRequest = (read: Buffer, request: { bytes: number; code: number }): boolean =>
  read.length === request.bytes &&
  read.readInt32BE(0) === request.bytes &&
  read.readInt32BE(CODE_OFFSET) === request.code

/** Names and values of a startup message; undefined when the read is not one complete message. */
const parametersOf = (read: Buffer): ReadonlyMap<string, string> | undefined => {
  if (read.length <= STARTUP_HEADER || read.readInt32BE(0) !== read.length) return undefined
  const fields = read.toString("utf8", STARTUP_HEADER).split("\0")
  // One zero byte ends the last pair, another the message.
  if (fields.pop() !== "" || fields.pop() !== "" || fields.length % 2 !== 0) return undefined
  const parameters = new Map<string, string>()
  for (let index = 0; index < fields.length; index += 2) parameters.set(fields[index] ?? "", fields[index + 1] ?? "")
  return parameters
}

/** Reads a first packet. Supavisor does not join reads, so a partial message is an invalid one. */
export const readFirstPacket = (read: Buffer, plaintext: boolean): FirstPacket => {
  if (plaintext && read.toString("latin1", 0, 3) === "GET") return { _tag: "Http" }
  if (isRequest(read, TLS_REQUEST)) return { _tag: "Tls" }
  if (isRequest(read, CANCEL_REQUEST)) {
    return { _tag: "Cancel", processId: read.readInt32BE(STARTUP_HEADER), secret: read.readInt32BE(SECRET_OFFSET) }
  }
  if (read.length > maxStartupBytes) return refused(startupTooLarge(read.length))
  const parameters = parametersOf(read)
  if (parameters === undefined) return refused(startupInvalid("bad_startup_payload"))
  const user = parameters.get("user")
  if (user === undefined) return refused(startupInvalid("missing_user"))
  const options = readStartupOptions(parameters.get("options"))
  return {
    _tag: "Startup",
    startup: {
      user,
      database: parameters.get("database"),
      applicationName: parameters.get("application_name"),
      searchPath: parameters.get("search_path") ?? options.get("search_path"),
      options
    }
  }
}
