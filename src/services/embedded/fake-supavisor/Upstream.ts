/** The login of a backend at PostgreSQL. */
import * as PgAuth from "@effect/sql-pg/PgAuth"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Result from "effect/Result"
import { randomBytes } from "node:crypto"
import type { ErrorFields } from "./BackendMessages.ts"
import { databaseUnreachable, fromDatabase, type Refusal } from "./Refusal.ts"
import { saslPrep } from "../../wire/SaslPrep.ts"

/** A PostgreSQL server and the role the pooler uses there. */
export interface Upstream {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
}

/** What the server reports at a login. */
export interface BackendFacts {
  readonly processId: number
  readonly secret: number
  readonly parameters: ReadonlyMap<string, string>
}

/** Random bytes of a SCRAM nonce, as in libpq (scram-common.h). */
const NONCE_BYTES = 18

/** Letters of an ErrorResponse's fields by the codec's names (PostgreSQL docs, "Error and Notice Message Fields"). */
const LETTERS: Readonly<Record<string, string>> = {
  severity: "S",
  severityUnlocalized: "V",
  code: "C",
  message: "M",
  detail: "D",
  hint: "H",
  position: "P",
  internalPosition: "p",
  internalQuery: "q",
  where: "W",
  schema: "s",
  table: "t",
  column: "c",
  dataType: "d",
  constraint: "n",
  file: "F",
  line: "L",
  routine: "R"
}

const wireFields = (fields: PgProtocol.ErrorFields): ErrorFields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [LETTERS[name] ?? name, value ?? ""]))

/** The startup message of a backend: of a client's parameters only search_path is passed on. */
export const startupMessage = (upstream: Upstream, database: string, searchPath: string | undefined): Uint8Array =>
  PgProtocol.encodeStartupMessage({
    user: upstream.username,
    database,
    application_name: "Supavisor",
    ...(searchPath === undefined ? {} : { options: `--search_path=${searchPath.replaceAll(/([\s\\])/g, "\\$1")}` })
  })

/** The result of a server message: bytes to send, the end of the login, or nothing yet. */
type Step = Uint8Array | BackendFacts | Refusal | undefined

/** The client's side of one login at PostgreSQL. */
export class UpstreamLogin {
  readonly #upstream: Upstream
  readonly #parser = PgProtocol.makeParser()
  readonly #parameters = new Map<string, string>()
  #scram: PgAuth.ScramState | undefined
  #processId = 0
  #secret = 0

  constructor(upstream: Upstream) {
    this.#upstream = upstream
  }

  /** Processes bytes of the server and returns the steps, in order. */
  push(chunk: Uint8Array): ReadonlyArray<Exclude<Step, undefined>> {
    return this.#parser.push(chunk).flatMap((message) => this.#step(message) ?? [])
  }

  #step(message: PgProtocol.BackendMessage): Step {
    const { password, username: user } = this.#upstream
    switch (message._tag) {
      case "AuthenticationCleartextPassword":
        return PgProtocol.encodePasswordMessage({ password })
      case "AuthenticationMD5Password":
        return this.#answer(PgAuth.md5Password({ user, password, salt: message.salt }), (answer) =>
          PgProtocol.encodePasswordMessage({ password: answer })
        )
      case "AuthenticationSASL":
        return this.#answer(
          PgAuth.scramInit({ password: saslPrep(password), nonce: randomBytes(NONCE_BYTES).toString("base64") }),
          ({ response, state }) => {
            this.#scram = state
            return PgProtocol.encodeSASLInitialResponse({ mechanism: PgAuth.SCRAM_SHA_256, initialResponse: response })
          }
        )
      case "AuthenticationSASLContinue":
        if (this.#scram?._tag !== "ScramFirst") return databaseUnreachable("{:error, :unexpected_message}")
        return this.#answer(PgAuth.scramContinue(this.#scram, message.data), ({ response, state }) => {
          this.#scram = state
          return PgProtocol.encodeSASLResponse({ data: response })
        })
      case "ParameterStatus":
        this.#parameters.set(message.name, message.value)
        return undefined
      case "BackendKeyData":
        this.#processId = message.pid
        this.#secret = message.secret
        return undefined
      case "ErrorResponse":
        return fromDatabase(wireFields(message.fields))
      case "ReadyForQuery":
        return { processId: this.#processId, secret: this.#secret, parameters: this.#parameters }
      default:
        return undefined
    }
  }

  #answer<A>(result: Result.Result<A, PgAuth.AuthError>, next: (value: A) => Uint8Array): Step {
    return Result.isSuccess(result) ? next(result.success) : databaseUnreachable("{:error, :authentication_failed}")
  }
}
