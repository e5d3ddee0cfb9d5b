/**
 * Parses what the server sends beside the driver, and changes nothing of it.
 *
 * The driver does not expose three things that a pool needs: the transaction status in every ReadyForQuery, the FATAL
 * error of a server that is about to close the connection, and the key of a CancelRequest. This reader follows the
 * framing (PostgreSQL docs, "Message Formats": one type byte, four length bytes) and skips every payload that it does not
 * need.
 */
import * as MessageType from "./MessageType.ts"

/** The transaction status of ReadyForQuery: idle, in a transaction, in a failed transaction. */
export type TransactionStatus = "I" | "T" | "E"

/** The fields of an ErrorResponse or NoticeResponse that are kept. */
export interface ServerMessage {
  readonly severity: string
  readonly sqlState: string
  readonly message: string
}

const HEADER_BYTES = 5

/** A longer error text is cut, so that a hostile server cannot fill the memory. */
const MAX_CAPTURED_BYTES = 64 * 1024

/** How many settings are kept; PostgreSQL reports fifteen, and a hostile server must not fill the memory. */
const MAX_PARAMETERS = 100

/** SQLSTATE of a statement cancelled on request or by a timeout (PostgreSQL docs, Appendix A). */
const QUERY_CANCELED = "57014"

/** SQLSTATEs of a NoticeResponse that announces the end of all sessions (immediate shutdown, crash). */
const ENDING_NOTICES = new Set(["57P01", "57P02", "57P03"])

export class WireTap {
  /** Status in the last ReadyForQuery; undefined before the first one: not a session yet. */
  status: TransactionStatus | undefined = undefined
  /** How many ReadyForQuery messages were seen. */
  ready = 0
  /** Whether AuthenticationOk was seen: errors before and after it mean different things. */
  authenticated = false
  /** The authentication method that the server requested: SCRAM, clear text or MD5; undefined before. */
  authenticationMethod: number | undefined = undefined
  /** BackendKeyData, which a CancelRequest must repeat. Supavisor makes both numbers up. */
  processId = 0
  secretKey = 0
  /** Monotonic milliseconds when the last bytes arrived. */
  lastReceivedAt: number
  /** The FATAL error, or the notice of an ending server, that explains the loss of the session. */
  fatal: ServerMessage | undefined = undefined
  /** How many messages had arrived before the FATAL, and when it arrived. */
  messagesBeforeFatal = 0
  fatalAt = 0
  /** Messages received in all. */
  messages = 0
  /** Statements that the server cancelled on a CancelRequest. */
  cancelled = 0
  /** How often the server has reported a changed setting since the session was ready. */
  parameterChanges = 0

  /** The settings last reported. A pooler that repeats the same value only shows that it is alive. */
  private readonly parameters = new Map<string, string>()
  private readonly now: () => number
  private skip = 0
  private captureType = 0
  private capture: Buffer | undefined = undefined
  private captureNeed = 0
  private header: Buffer | undefined = undefined

  constructor(now: () => number) {
    this.now = now
    this.lastReceivedAt = now()
  }

  /** Whether the last chunk ended at the end of a message. */
  get isBetweenMessages(): boolean {
    return this.skip === 0 && this.captureType === 0 && this.header === undefined
  }

  readonly push = (chunk: Buffer): void => {
    this.lastReceivedAt = this.now()
    let offset = 0
    if (this.header !== undefined) {
      chunk = Buffer.concat([this.header, chunk])
      this.header = undefined
    }
    const length = chunk.length
    while (offset < length) {
      if (this.skip > 0) {
        const step = Math.min(this.skip, length - offset)
        this.skip -= step
        offset += step
        continue
      }
      if (this.captureType !== 0) {
        offset = this.collect(chunk, offset)
        continue
      }
      if (length - offset < HEADER_BYTES) {
        this.header = Buffer.from(chunk.subarray(offset))
        return
      }
      const type = chunk[offset]!
      const payload = chunk.readUInt32BE(offset + 1) - 4
      offset += HEADER_BYTES
      this.messages++
      if (payload < 0) {
        // Not the protocol: the driver's own parser reports it, and nothing that follows can be parsed.
        this.skip = Number.POSITIVE_INFINITY
        return
      }
      if (type === MessageType.READY_FOR_QUERY && payload === 1 && offset < length) {
        this.onReady(chunk[offset]!)
        offset += 1
      } else if (this.isCaptured(type)) {
        this.captureType = type
        this.captureNeed = payload
        this.capture = undefined
        if (payload === 0) offset = this.collect(chunk, offset)
      } else {
        this.skip = payload
      }
    }
  }

  private isCaptured(type: number): boolean {
    return (
      type === MessageType.ERROR_RESPONSE ||
      type === MessageType.NOTICE ||
      type === MessageType.READY_FOR_QUERY ||
      type === MessageType.PARAMETER_STATUS ||
      type === MessageType.AUTHENTICATION ||
      type === MessageType.BACKEND_KEY_DATA
    )
  }

  private collect(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.captureNeed)
    const part = chunk.subarray(offset, end)
    this.captureNeed -= part.length
    const kept = this.capture === undefined ? part : Buffer.concat([this.capture, part])
    this.capture = kept.length > MAX_CAPTURED_BYTES ? Buffer.from(kept.subarray(0, MAX_CAPTURED_BYTES)) : kept
    if (this.captureNeed > 0) {
      this.capture = Buffer.from(this.capture)
      return end
    }
    const type = this.captureType
    const payload = this.capture
    this.captureType = 0
    this.capture = undefined
    this.onMessage(type, payload)
    return end
  }

  private onParameter(payload: Buffer): void {
    const end = payload.indexOf(0)
    const name = payload.toString("utf8", 0, end)
    const value = payload.toString("utf8", end + 1, payload.length - 1)
    if (this.parameters.get(name) === value) return
    if (this.parameters.size < MAX_PARAMETERS || this.parameters.has(name)) this.parameters.set(name, value)
    if (this.status !== undefined) this.parameterChanges++
  }

  /** Whether the session writes dates and intervals in PostgreSQL's default form. */
  get hasDefaultStyles(): boolean {
    const { parameters } = this
    const interval = parameters.get("IntervalStyle")
    return (parameters.get("DateStyle") ?? "ISO").startsWith("ISO") && (interval ?? "postgres") === "postgres"
  }

  /** Called for every ReadyForQuery. */
  onReady(status: number): void {
    this.ready++
    this.status = status === 0x54 ? "T" : status === 0x45 ? "E" : "I"
  }

  /** Called for every message with facts about the session. */
  onMessage(type: number, payload: Buffer): void {
    switch (type) {
      case MessageType.READY_FOR_QUERY:
        return this.onReady(payload[0] ?? 0x49)
      case MessageType.PARAMETER_STATUS:
        return this.onParameter(payload)
      case MessageType.AUTHENTICATION: {
        const method = payload.length >= 4 ? payload.readUInt32BE(0) : 0
        if (method === 0) this.authenticated = true
        else this.authenticationMethod ??= method
        return
      }
      case MessageType.BACKEND_KEY_DATA:
        if (payload.length >= 8) {
          this.processId = payload.readInt32BE(0)
          this.secretKey = payload.readInt32BE(4)
        }
        return
      case MessageType.NOTICE: {
        const notice = decodeFields(payload)
        if (ENDING_NOTICES.has(notice.sqlState)) this.fatal ??= notice
        return
      }
      case MessageType.ERROR_RESPONSE: {
        const error = decodeFields(payload)
        if (error.severity === "FATAL" || error.severity === "PANIC") {
          this.fatal = error
          this.messagesBeforeFatal = this.messages - 1
          this.fatalAt = this.lastReceivedAt
        }
        if (error.sqlState === QUERY_CANCELED && !/timeout/i.test(error.message)) this.cancelled++
        return
      }
    }
  }
}

/** Decodes the fields of an ErrorResponse. `V` is the untranslated severity; before 9.6 there is only `S`. */
const decodeFields = (payload: Buffer): ServerMessage => {
  let severity = ""
  let untranslated = ""
  let sqlState = ""
  let message = ""
  let offset = 0
  while (offset < payload.length) {
    const field = payload[offset]!
    if (field === 0) break
    const end = payload.indexOf(0, offset + 1)
    const value = payload.toString("utf8", offset + 1, end < 0 ? payload.length : end)
    if (field === 0x53) severity = value
    else if (field === 0x56) untranslated = value
    else if (field === 0x43) sqlState = value
    else if (field === 0x4d) message = value
    if (end < 0) break
    offset = end + 1
  }
  return { severity: untranslated === "" ? severity : untranslated, sqlState, message }
}
