/**
 * Reads along with what the server sends, without touching it.
 *
 * The driver below the pool keeps three things to itself that a pool cannot do without: the transaction status in
 * every ReadyForQuery, the FATAL text of a server that is about to hang up, and the key a CancelRequest needs. All
 * three are plain in the byte stream; this reader follows the framing (PostgreSQL docs, "Message Formats": one type
 * byte, four length bytes) and skips every payload it has no use for.
 */

/** The transaction status of ReadyForQuery: idle, in a transaction, in a failed transaction. */
export type TransactionStatus = "I" | "T" | "E"

/** The fields of an ErrorResponse or NoticeResponse that are worth keeping. */
export interface ServerMessage {
  readonly severity: string
  readonly sqlState: string
  readonly message: string
}

const READY_FOR_QUERY = 0x5a
const ERROR_RESPONSE = 0x45
const NOTICE_RESPONSE = 0x4e
const AUTHENTICATION = 0x52
const BACKEND_KEY_DATA = 0x4b
const PARAMETER_STATUS = 0x53
const HEADER_BYTES = 5

/** An error text longer than this is cut: it is for a person, and a hostile server must not fill the memory. */
const MAX_CAPTURED_BYTES = 64 * 1024

/** Settings that are remembered; PostgreSQL reports fifteen, and a hostile server must not fill the memory. */
const MAX_PARAMETERS = 100

/** SQLSTATE of a statement cancelled on request or by a timeout (PostgreSQL docs, Appendix A). */
const QUERY_CANCELED = "57014"

/** SQLSTATEs that a NoticeResponse announces the end of all sessions with (immediate shutdown, crash). */
const ENDING_NOTICES = new Set(["57P01", "57P02", "57P03"])

export class WireTap {
  /** Status in the last ReadyForQuery; undefined before the first one, that is: not a session yet. */
  status: TransactionStatus | undefined = undefined
  /** How many ReadyForQuery messages were seen. */
  ready = 0
  /** Whether AuthenticationOk was seen: the point where refusals change their meaning. */
  authenticated = false
  /** Whether the server asked for SCRAM, a clear text or an MD5 password; undefined before it asked. */
  authenticationMethod: number | undefined = undefined
  /** BackendKeyData: what a CancelRequest must present. Supavisor makes both numbers up. */
  processId = 0
  secretKey = 0
  /** Milliseconds of the monotonic clock when a byte was last heard. */
  lastReceivedAt: number
  /** The FATAL error, or the notice of an ending server, that explains the loss of the session. */
  fatal: ServerMessage | undefined = undefined
  /** How many messages had come when the server said its last word, and when that was. */
  messagesBeforeFatal = 0
  fatalAt = 0
  /** Messages received in all. */
  messages = 0
  /** Statements the server ended on a CancelRequest. */
  cancelled = 0
  /** How often the server has told another value of a setting since the session was ready. */
  parameterChanges = 0

  /** What the server told of its settings last. A pooler that says the same again only shows that it is there. */
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

  /** Whether the last chunk ended with a message. */
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
        // Not the protocol: the driver's own parser reports it; reading on would only guess.
        this.skip = Number.POSITIVE_INFINITY
        return
      }
      if (type === READY_FOR_QUERY && payload === 1 && offset < length) {
        this.onReady(chunk[offset]!)
        offset += 1
      } else if (this.wants(type)) {
        this.captureType = type
        this.captureNeed = payload
        this.capture = undefined
        if (payload === 0) offset = this.collect(chunk, offset)
      } else {
        this.skip = payload
      }
    }
  }

  private wants(type: number): boolean {
    return (
      type === ERROR_RESPONSE ||
      type === NOTICE_RESPONSE ||
      type === READY_FOR_QUERY ||
      type === PARAMETER_STATUS ||
      type === AUTHENTICATION ||
      type === BACKEND_KEY_DATA
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

  /** A ReadyForQuery was read. */
  onReady(status: number): void {
    this.ready++
    this.status = status === 0x54 ? "T" : status === 0x45 ? "E" : "I"
  }

  /** A message was read that says something of the session. */
  onMessage(type: number, payload: Buffer): void {
    switch (type) {
      case READY_FOR_QUERY:
        return this.onReady(payload[0] ?? 0x49)
      case PARAMETER_STATUS:
        return this.onParameter(payload)
      case AUTHENTICATION: {
        const method = payload.length >= 4 ? payload.readUInt32BE(0) : 0
        if (method === 0) this.authenticated = true
        else this.authenticationMethod ??= method
        return
      }
      case BACKEND_KEY_DATA:
        if (payload.length >= 8) {
          this.processId = payload.readInt32BE(0)
          this.secretKey = payload.readInt32BE(4)
        }
        return
      case NOTICE_RESPONSE: {
        const notice = decodeFields(payload)
        if (ENDING_NOTICES.has(notice.sqlState)) this.fatal ??= notice
        return
      }
      case ERROR_RESPONSE: {
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

/** Decodes the fields of an ErrorResponse: `V` is the severity that is never translated, `S` stands in before 9.6. */
const decodeFields = (payload: Buffer): ServerMessage => {
  let severity = ""
  let plain = ""
  let sqlState = ""
  let message = ""
  let offset = 0
  while (offset < payload.length) {
    const field = payload[offset]!
    if (field === 0) break
    const end = payload.indexOf(0, offset + 1)
    const value = payload.toString("utf8", offset + 1, end < 0 ? payload.length : end)
    if (field === 0x53) severity = value
    else if (field === 0x56) plain = value
    else if (field === 0x43) sqlState = value
    else if (field === 0x4d) message = value
    if (end < 0) break
    offset = end + 1
  }
  return { severity: plain === "" ? severity : plain, sqlState, message }
}
