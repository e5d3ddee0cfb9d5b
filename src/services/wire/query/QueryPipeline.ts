/**
 * Statements on one connection, any number in flight, answered in order; each ends with a Sync of its own.
 *
 * The bytes of the server are read once, for the statements and for the tap that keeps the session's facts. Rare
 * messages are decoded by the driver's own parser.
 */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { Registry } from "@effect/sql-pg/PgTypes"
import type * as Net from "node:net"
import type { WireTap } from "../WireTap.ts"
import * as MessageType from "../MessageType.ts"
import { PreparedStatements } from "./PreparedStatements.ts"
import { InFlightQuery } from "./InFlightQuery.ts"
import type { Query } from "./Query.ts"
import { RowShape } from "./RowShape.ts"
import { StatementEncoder } from "./StatementEncoder.ts"
import { ARRAYS_QUERY, type TypeCatalogue } from "./TypeCatalogue.ts"

/** An empty query and a suspended portal end without a command, and a statement without columns is described by NoData. */
const normalizedType = (type: number): number =>
  type === MessageType.EMPTY_QUERY || type === MessageType.PORTAL_SUSPENDED
    ? MessageType.COMMAND_COMPLETE
    : type === MessageType.NO_DATA
      ? MessageType.ROW_DESCRIPTION
      : type

/** A violation of what is supported, with the code of its entry in the catalogue. */
const withCode = (code: string, message: string): PgProtocol.ParseError =>
  Object.assign(new PgProtocol.ParseError({ message }), { code })

/** The error of a message that the protocol does not allow at this point. */
const unexpectedMessage = (type: number, inFlight: InFlightQuery | undefined): PgProtocol.ParseError => {
  const isCopy = type === MessageType.COPY_IN || type === MessageType.COPY_OUT || type === MessageType.COPY_BOTH
  const message = String.fromCharCode(type)
  const where =
    inFlight === undefined ? "with no statement in flight" : `instead of ${inFlight.expects[inFlight.position]}`
  if (isCopy) {
    return withCode("COPY_UNSUPPORTED", "COPY is not supported: its data has no place in the results of a statement")
  }
  return new PgProtocol.ParseError({ message: `Unexpected message ${message} ${where}` })
}

const HEADER_BYTES = 5

const LENGTH_BYTES = 4

/** As many statements as the driver keeps named by default. */
const DEFAULT_NAMED = 100

/** SQLSTATEs of a plan whose table has changed, and of a name that a pooler has dropped (PostgreSQL docs, Appendix A). */
const STALE_STATES = new Set(["0A000", "26000"])

export interface PipelineParts {
  readonly socket: Net.Socket
  readonly tap: WireTap
  readonly now: () => number
  /** Codecs of the application. */
  readonly registry: Registry | undefined
  /** The types of the database, shared by all sessions of a pool. */
  readonly types: TypeCatalogue
  readonly namedStatements: number | undefined
  readonly maxMessageSize: number | undefined
  /** Called once, when the received bytes violate the protocol: nothing more can be sent. */
  readonly onBroken: (cause: unknown) => void
}

export class QueryPipeline {
  private readonly parts: PipelineParts
  private readonly encoder: StatementEncoder
  private readonly prepared: PreparedStatements
  private readonly parser: PgProtocol.Parser
  private readonly maxMessageSize: number
  /** How many statements are in flight. */
  depth = 0
  /** The oldest and the newest of them, in a linked list. */
  private first: InFlightQuery | undefined = undefined
  private last: InFlightQuery | undefined = undefined
  /** Frames that are written at the end of this turn of the event loop. */
  private batched: Array<Uint8Array> = []
  private isBroken = false
  /** The bytes of an incomplete message, and how many are needed to go on. */
  private partial: Array<Buffer> = []
  private partialBytes = 0
  private partialNeeded = 0
  /** Reads from the end of the last answer on, while the connection is transferred. */
  private otherReader: ((bytes: Buffer) => void) | undefined = undefined

  constructor(parts: PipelineParts, prefix: string) {
    this.parts = parts
    this.maxMessageSize = parts.maxMessageSize ?? PgProtocol.defaultMaxMessageSize
    const named = parts.namedStatements ?? DEFAULT_NAMED
    this.prepared = new PreparedStatements(named, prefix)
    const { registry, tap, types } = parts
    this.encoder = new StatementEncoder({ registry, types, isTextReadable: () => tap.hasDefaultStyles }, this.prepared)
    this.parser = PgProtocol.makeParser({ maxMessageSize: this.maxMessageSize })
  }

  /**
   * Writes a statement and returns at once; `onEnd` is called when it has ended, never before this returns. A batched
   * statement is written together with the others of this turn of the event loop.
   * Throws a `CodecError` or `EncodeError` for parameters that cannot be sent.
   */
  send(query: Query, isBatched: boolean, onEnd: (inFlight: InFlightQuery) => void): InFlightQuery {
    const inFlight = new InFlightQuery(query, onEnd)
    const frame = this.encoder.encode(query, inFlight)
    inFlight.shape = query.portal?.shape
    if (this.last === undefined) this.first = inFlight
    else this.last.next = inFlight
    this.last = inFlight
    this.depth++
    if (isBatched) this.addToBatch(frame)
    else if (this.batched.length > 0) {
      this.batched.push(frame)
      this.flush()
    } else this.parts.socket.write(frame)
    return inFlight
  }

  /** Fails every statement in flight. */
  fail(failure: unknown): void {
    this.isBroken = true
    this.batched = []
    let inFlight = this.first
    this.first = this.last = undefined
    this.depth = 0
    for (; inFlight !== undefined; inFlight = inFlight.next) {
      inFlight.fail(failure)
      inFlight.finish()
    }
  }

  /** Passes everything after the answer to the last statement in flight to another reader. */
  transferTo(otherReader: (bytes: Buffer) => void): void {
    this.otherReader = otherReader
    this.flush()
    if (this.depth === 0) this.passOn(Buffer.concat(this.partial))
  }

  /** Whether the other reader receives the bytes now. */
  get isTransferred(): boolean {
    return this.otherReader !== undefined && this.depth === 0
  }

  /** Reads again; the other reader must have read whole messages. */
  reclaim(): void {
    this.otherReader = undefined
  }

  /** Listener of the socket. */
  readonly read = (chunk: Buffer): void => {
    if (this.isTransferred) return this.otherReader!(chunk)
    this.parts.tap.lastReceivedAt = this.parts.now()
    if (this.isBroken) return
    try {
      this.parse(this.assemble(chunk))
    } catch (cause) {
      this.broken(cause)
    }
  }

  private assemble(chunk: Buffer): Buffer | undefined {
    if (this.partialBytes === 0) return chunk
    this.partial.push(chunk)
    this.partialBytes += chunk.length
    if (this.partialBytes < this.partialNeeded) return undefined
    const bytes = Buffer.concat(this.partial, this.partialBytes)
    this.partial = []
    this.partialBytes = 0
    return bytes
  }

  private parse(bytes: Buffer | undefined): void {
    if (bytes === undefined) return
    const end = bytes.length
    let at = 0
    let needed = HEADER_BYTES
    while (end - at >= HEADER_BYTES) {
      const length = bytes.readInt32BE(at + 1)
      if (length < LENGTH_BYTES || length > this.maxMessageSize) throw this.impossible(bytes[at]!, length)
      const next = at + 1 + length
      if (next > end) {
        needed = next - at
        break
      }
      this.message(bytes, at, next)
      at = next
      if (this.isBroken) return
      if (this.isTransferred) return this.passOn(bytes.subarray(at))
    }
    if (at === end) return
    this.partial = [at === 0 ? bytes : bytes.subarray(at)]
    this.partialBytes = end - at
    this.partialNeeded = needed
  }

  /** Only a row, where one is expected, is really that large; anything else is no message at all. */
  private impossible(type: number, length: number): PgProtocol.ParseError {
    const isRow = type === MessageType.DATA_ROW && this.first?.shape !== undefined
    return length > this.maxMessageSize && isRow
      ? withCode("MESSAGE_TOO_LARGE", `Message length ${length} exceeds maxMessageSize ${this.maxMessageSize}`)
      : new PgProtocol.ParseError({ message: `Message length ${length} is impossible` })
  }

  private passOn(bytes: Buffer): void {
    this.partial = []
    this.partialBytes = 0
    if (bytes.length > 0) this.otherReader?.(bytes)
  }

  private message(bytes: Buffer, start: number, end: number): void {
    const { tap } = this.parts
    const type = bytes[start]!
    const body = start + HEADER_BYTES
    tap.messages++
    switch (type) {
      case MessageType.DATA_ROW:
        return this.row(bytes, body, end)
      case MessageType.READY_FOR_QUERY:
        tap.onReady(bytes[body]!)
        return this.ready(bytes[body]!)
      case MessageType.NOTICE:
      case MessageType.PARAMETER_STATUS:
        return tap.onMessage(type, bytes.subarray(body, end))
      case MessageType.NOTIFICATION:
        return
      case MessageType.ERROR_RESPONSE:
        tap.onMessage(type, bytes.subarray(body, end))
        return this.error(bytes.subarray(start, end))
    }
    const inFlight = this.first
    if (inFlight === undefined || inFlight.expects.charCodeAt(inFlight.position) !== normalizedType(type))
      throw unexpectedMessage(type, inFlight)
    inFlight.position++
    if (type === MessageType.BIND_COMPLETE) inFlight.shape = inFlight.prepared?.shape?.inFormat(inFlight.isBinary)
    else if (type === MessageType.COMMAND_COMPLETE) inFlight.complete(bytes, body, end - 1)
    else if (type === MessageType.PORTAL_SUSPENDED) inFlight.isSuspended = true
    else if (type === MessageType.ROW_DESCRIPTION) this.describe(inFlight, bytes.subarray(start, end))
    else if (type === MessageType.NO_DATA && inFlight.prepared !== undefined) inFlight.prepared.isBinary = true
  }

  private row(bytes: Buffer, start: number, end: number): void {
    const inFlight = this.first
    const shape = inFlight?.shape
    if (inFlight === undefined || inFlight.expects.charCodeAt(inFlight.position) !== MessageType.COMMAND_COMPLETE) {
      throw unexpectedMessage(MessageType.DATA_ROW, inFlight)
    }
    // A row that cannot be decoded fails its statement; the rows after it are skipped.
    if (inFlight.failure !== undefined) return
    if (shape === undefined) throw unexpectedMessage(MessageType.DATA_ROW, inFlight)
    if (shape.unknownTypes.length === 0) return this.decode(inFlight, shape, bytes, start, end)
    ;(inFlight.undecoded ??= []).push(Buffer.from(bytes.subarray(start, end)))
  }

  private decode(inFlight: InFlightQuery, shape: RowShape, bytes: Buffer, start: number, end: number): void {
    try {
      inFlight.add(inFlight.query.form === "objects" ? shape.row(bytes, start, end) : shape.values(bytes, start, end))
    } catch (cause) {
      if (cause instanceof PgProtocol.ParseError) throw cause
      inFlight.fail(shape.unreadable(bytes, start, cause))
    }
  }

  /** Looks up the types of the columns, decodes the rows, and finishes the statement. */
  private lookUp(inFlight: InFlightQuery, rows: ReadonlyArray<Buffer>): void {
    const { shape } = inFlight
    const { types } = this.parts
    const oids = shape!.unknownTypes
    this.send({ sql: ARRAYS_QUERY, params: [`{${oids.join()}}`], named: false, form: "values" }, false, (answer) => {
      // Without an answer they are text, as psql shows them.
      if (answer.failure === undefined) types.learn(oids, answer.values)
      for (const row of rows) if (inFlight.failure === undefined) this.decode(inFlight, shape!, row, 0, row.length)
      inFlight.finish()
    })
  }

  private describe(inFlight: InFlightQuery, message: Buffer): void {
    const [description] = this.parser.push(message)
    if (description?._tag !== "RowDescription") throw unexpectedMessage(MessageType.ROW_DESCRIPTION, inFlight)
    try {
      inFlight.shape = RowShape.of(description, this.parts.registry, this.parts.types)
    } catch (cause) {
      return inFlight.fail(cause)
    }
    const { prepared, shape } = inFlight
    this.parts.types.setBinary(inFlight.query.sql, shape.canBeBinary)
    if (prepared === undefined) return
    prepared.shape = shape
    prepared.isBinary = shape.canBeBinary
  }

  private error(message: Buffer): void {
    const inFlight = this.first
    const [answer] = this.parser.push(message)
    if (answer?._tag !== "ErrorResponse") throw unexpectedMessage(MessageType.ERROR_RESPONSE, inFlight)
    const failure = Object.assign(new Error(answer.fields.message ?? "The server gave no reason"), answer.fields)
    // No statement is in flight: the FATAL of a server that closes the connection, which the tap has recorded.
    if (inFlight === undefined) {
      if (this.parts.tap.fatal === undefined) throw failure
      return
    }
    inFlight.failure = failure
    inFlight.sqlState = answer.fields.code
    this.dropFailedNames(inFlight)
    inFlight.position = inFlight.expects.length - 1
  }

  /** Drops the names whose Parse failed, or was skipped after a failure. */
  private dropFailedNames({ expects, prependedStatement: opening, position, prepared }: InFlightQuery): void {
    const described = expects.indexOf("T")
    if (prepared !== undefined && described >= 0 && position <= described) this.prepared.drop(prepared)
    if (opening !== undefined && position <= expects.indexOf("C")) this.prepared.drop(opening)
  }

  private ready(status: number): void {
    const inFlight = this.first
    if (inFlight === undefined || inFlight.position !== inFlight.expects.length - 1) {
      throw unexpectedMessage(MessageType.READY_FOR_QUERY, inFlight)
    }
    this.first = inFlight.next
    if (this.first === undefined) this.last = undefined
    this.depth--
    if (inFlight.sqlState !== undefined && status === IDLE && this.isStale(inFlight)) return this.retryUnnamed(inFlight)
    const { failure, undecoded } = inFlight
    inFlight.undecoded = undefined
    if (undecoded === undefined || failure !== undefined) inFlight.finish()
    else this.lookUp(inFlight, undecoded)
  }

  /** Whether a name used without Parse, or its plan, no longer exists on the server. */
  private isStale({ expects, prependedStatement: opening, prepared, sqlState }: InFlightQuery): boolean {
    return STALE_STATES.has(sqlState!) && (prepared ?? opening) !== undefined && !expects.includes("1")
  }

  /** Sends it again without a name; the server has run nothing of it. */
  private retryUnnamed(inFlight: InFlightQuery): void {
    if (inFlight.prepared !== undefined) this.prepared.drop(inFlight.prepared)
    const { prepended: ahead, form, params, sql } = inFlight.query
    this.send({ sql, params, named: false, form, prepended: ahead }, false, (retry) => inFlight.finishAs(retry))
  }

  private addToBatch(frame: Uint8Array): void {
    if (this.batched.push(frame) === 1) queueMicrotask(this.flush)
  }

  private readonly flush = (): void => {
    const frames = this.batched
    if (frames.length === 0) return
    this.batched = []
    this.parts.socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames))
  }

  private broken(cause: unknown): void {
    this.isBroken = true
    this.parts.onBroken(cause)
  }
}

const IDLE = 0x49
