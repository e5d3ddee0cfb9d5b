/**
 * Statements on one connection, as many on their way as are asked: each is a cycle of its own, answered in order.
 *
 * It reads what the server sends once, for the statements and for the tap that keeps the session's facts. What is rare
 * is decoded by the driver's own parser.
 */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { Registry } from "@effect/sql-pg/PgTypes"
import type * as Net from "node:net"
import type { WireTap } from "../WireTap.ts"
import * as Messages from "./Messages.ts"
import { PreparedStatements } from "./PreparedStatements.ts"
import { InFlightQuery } from "./InFlightQuery.ts"
import type { Query } from "./Query.ts"
import { RowShape } from "./RowShape.ts"
import { StatementEncoder } from "./StatementEncoder.ts"

/** An empty query is complete without a command, and a statement without columns is described by NoData. */
export const normalizedType = (type: number): number =>
  type === Messages.EMPTY_QUERY
    ? Messages.COMMAND_COMPLETE
    : type === Messages.NO_DATA
      ? Messages.ROW_DESCRIPTION
      : type

/** What came is not what the protocol has next. */
export const unexpectedMessage = (type: number, cycle: InFlightQuery | undefined): PgProtocol.ParseError => {
  const isCopy = type === Messages.COPY_IN || type === Messages.COPY_OUT || type === Messages.COPY_BOTH
  const message = String.fromCharCode(type)
  const where = cycle === undefined ? "with no statement on its way" : `instead of ${cycle.expects[cycle.position]}`
  const hint = isCopy ? "; COPY is not supported" : ""
  return new PgProtocol.ParseError({ message: `Unexpected message ${message} ${where}${hint}` })
}

const HEADER_BYTES = 5

const LENGTH_BYTES = 4

/** As many statements as the driver keeps named by default. */
const DEFAULT_NAMED = 100

/** Plans end when a table changes under them, names when a pooler forgets them (PostgreSQL docs, Appendix A). */
const STALE_STATES = new Set(["0A000", "26000"])

export interface PipelineParts {
  readonly socket: Net.Socket
  readonly tap: WireTap
  readonly now: () => number
  readonly types: Registry | undefined
  readonly namedStatements: number | undefined
  readonly maxMessageSize: number | undefined
  /** Told once, when what was read is not the protocol: nothing can be asked any more. */
  readonly onBroken: (cause: unknown) => void
}

export class QueryPipeline {
  private readonly parts: PipelineParts
  private readonly encoder: StatementEncoder
  private readonly prepared: PreparedStatements
  private readonly parser: PgProtocol.Parser
  private readonly maxMessageSize: number
  /** Statements on their way. */
  depth = 0
  /** The oldest and the newest of them; in between each knows its next. */
  private first: InFlightQuery | undefined = undefined
  private last: InFlightQuery | undefined = undefined
  /** Frames that wait for the end of this turn of the event loop. */
  private gathered: Array<Uint8Array> = []
  private isBroken = false
  /** Messages that are not complete yet, and how long they must be to be looked at again. */
  private rest: Array<Buffer> = []
  private restBytes = 0
  private restNeeded = 0
  /** Who reads on after the last answer, when somebody else is to use the connection. */
  private successor: ((bytes: Buffer) => void) | undefined = undefined

  constructor(parts: PipelineParts, prefix: string) {
    this.parts = parts
    this.maxMessageSize = parts.maxMessageSize ?? PgProtocol.defaultMaxMessageSize
    const named = parts.namedStatements ?? DEFAULT_NAMED
    this.prepared = new PreparedStatements(named, prefix)
    this.encoder = new StatementEncoder(parts.types, this.prepared)
    this.parser = PgProtocol.makeParser({ maxMessageSize: this.maxMessageSize })
  }

  /**
   * Writes a statement and returns at once; `done` hears of its end, never before this returns. Gathered, it travels
   * with everything else that is asked in this turn of the event loop.
   * Throws a `CodecError` or `EncodeError` for parameters that cannot be sent.
   */
  send(question: Query, gathered: boolean, done: (cycle: InFlightQuery) => void): InFlightQuery {
    const cycle = new InFlightQuery(question, done)
    const frame = this.encoder.encode(question, cycle)
    if (this.last === undefined) this.first = cycle
    else this.last.next = cycle
    this.last = cycle
    this.depth++
    if (gathered) this.gather(frame)
    else if (this.gathered.length > 0) {
      this.gathered.push(frame)
      this.flush()
    } else this.parts.socket.write(frame)
    return cycle
  }

  /** Ends all that is on its way. */
  fail(failure: unknown): void {
    this.isBroken = true
    this.gathered = []
    let cycle = this.first
    this.first = this.last = undefined
    this.depth = 0
    for (; cycle !== undefined; cycle = cycle.next) {
      cycle.fail(failure)
      cycle.finish()
    }
  }

  /** Lets somebody else read on as soon as the last statement is answered, from that very byte. */
  transferTo(successor: (bytes: Buffer) => void): void {
    this.successor = successor
    this.flush()
    if (this.depth === 0) this.succeed(Buffer.concat(this.rest))
  }

  /** Whether somebody else reads now. */
  get isTransferred(): boolean {
    return this.successor !== undefined && this.depth === 0
  }

  /** Reads again; the successor must have read whole messages. */
  reclaim(): void {
    this.successor = undefined
  }

  /** What the server sent. */
  readonly read = (chunk: Buffer): void => {
    if (this.isTransferred) return this.successor!(chunk)
    this.parts.tap.lastReceivedAt = this.parts.now()
    if (this.isBroken) return
    try {
      this.frames(this.completed(chunk))
    } catch (cause) {
      this.broken(cause)
    }
  }

  private completed(chunk: Buffer): Buffer | undefined {
    if (this.restBytes === 0) return chunk
    this.rest.push(chunk)
    this.restBytes += chunk.length
    if (this.restBytes < this.restNeeded) return undefined
    const bytes = Buffer.concat(this.rest, this.restBytes)
    this.rest = []
    this.restBytes = 0
    return bytes
  }

  private frames(bytes: Buffer | undefined): void {
    if (bytes === undefined) return
    const end = bytes.length
    let at = 0
    let needed = HEADER_BYTES
    while (end - at >= HEADER_BYTES) {
      const length = bytes.readInt32BE(at + 1)
      if (length < LENGTH_BYTES || length > this.maxMessageSize) {
        const what = length < LENGTH_BYTES ? "is impossible" : `exceeds maxMessageSize ${this.maxMessageSize}`
        throw new PgProtocol.ParseError({ message: `Message length ${length} ${what}` })
      }
      const next = at + 1 + length
      if (next > end) {
        needed = next - at
        break
      }
      this.message(bytes, at, next)
      at = next
      if (this.isBroken) return
      if (this.isTransferred) return this.succeed(bytes.subarray(at))
    }
    if (at === end) return
    this.rest = [at === 0 ? bytes : bytes.subarray(at)]
    this.restBytes = end - at
    this.restNeeded = needed
  }

  private succeed(bytes: Buffer): void {
    this.rest = []
    this.restBytes = 0
    if (bytes.length > 0) this.successor?.(bytes)
  }

  private message(bytes: Buffer, start: number, end: number): void {
    const { tap } = this.parts
    const type = bytes[start]!
    const body = start + HEADER_BYTES
    tap.messages++
    switch (type) {
      case Messages.DATA_ROW:
        return this.row(bytes, body, end)
      case Messages.READY_FOR_QUERY:
        tap.onReady(bytes[body]!)
        return this.ready(bytes[body]!)
      case Messages.NOTICE:
      case Messages.PARAMETER_STATUS:
        return tap.onMessage(type, bytes.subarray(body, end))
      case Messages.NOTIFICATION:
        return
      case Messages.ERROR_RESPONSE:
        tap.onMessage(type, bytes.subarray(body, end))
        return this.error(bytes.subarray(start, end))
    }
    const cycle = this.first
    if (cycle === undefined || cycle.expects.charCodeAt(cycle.position) !== normalizedType(type))
      throw unexpectedMessage(type, cycle)
    cycle.position++
    if (type === Messages.BIND_COMPLETE) cycle.shape = cycle.prepared?.shape
    else if (type === Messages.COMMAND_COMPLETE) cycle.complete(bytes, body, end - 1)
    else if (type === Messages.ROW_DESCRIPTION) this.describe(cycle, bytes.subarray(start, end))
  }

  private row(bytes: Buffer, start: number, end: number): void {
    const cycle = this.first
    const shape = cycle?.shape
    if (cycle === undefined || cycle.expects.charCodeAt(cycle.position) !== Messages.COMMAND_COMPLETE) {
      throw unexpectedMessage(Messages.DATA_ROW, cycle)
    }
    // What cannot be read of one row fails its statement; the rest of the answer is only counted.
    if (cycle.failure !== undefined) return
    if (shape === undefined) throw unexpectedMessage(Messages.DATA_ROW, cycle)
    try {
      cycle.add(cycle.query.form === "objects" ? shape.row(bytes, start, end) : shape.values(bytes, start, end))
    } catch (cause) {
      if (cause instanceof PgProtocol.ParseError) throw cause
      cycle.fail(cause)
    }
  }

  private describe(cycle: InFlightQuery, message: Buffer): void {
    const [description] = this.parser.push(message)
    if (description?._tag !== "RowDescription") throw unexpectedMessage(Messages.ROW_DESCRIPTION, cycle)
    try {
      cycle.shape = new RowShape(description, this.parts.types)
    } catch (cause) {
      return cycle.fail(cause)
    }
    if (cycle.prepared !== undefined) cycle.prepared.shape = cycle.shape
  }

  private error(message: Buffer): void {
    const cycle = this.first
    const [answer] = this.parser.push(message)
    if (answer?._tag !== "ErrorResponse") throw unexpectedMessage(Messages.ERROR_RESPONSE, cycle)
    const failure = Object.assign(new Error(answer.fields.message ?? "The server gave no reason"), answer.fields)
    // Nothing was asked: a server that is about to hang up says why, and the tap has heard it.
    if (cycle === undefined) {
      if (this.parts.tap.fatal === undefined) throw failure
      return
    }
    cycle.failure = failure
    cycle.sqlState = answer.fields.code
    this.forget(cycle)
    cycle.position = cycle.expects.length - 1
  }

  /** Names whose Parse failed, or was skipped because of a failure, are none. */
  private forget({ expects, prependedStatement: opening, position, prepared }: InFlightQuery): void {
    const described = expects.indexOf("T")
    if (prepared !== undefined && described >= 0 && position <= described) this.prepared.drop(prepared)
    if (opening !== undefined && position <= expects.indexOf("C")) this.prepared.drop(opening)
  }

  private ready(status: number): void {
    const cycle = this.first
    if (cycle === undefined || cycle.position !== cycle.expects.length - 1) {
      throw unexpectedMessage(Messages.READY_FOR_QUERY, cycle)
    }
    this.first = cycle.next
    if (this.first === undefined) this.last = undefined
    this.depth--
    if (cycle.sqlState !== undefined && status === IDLE && this.isStale(cycle)) return this.again(cycle)
    cycle.finish()
  }

  /** Names were used that were given before, and one of them, or its plan, is gone. */
  private isStale({ expects, prependedStatement: opening, prepared, sqlState }: InFlightQuery): boolean {
    return STALE_STATES.has(sqlState!) && (prepared ?? opening) !== undefined && !expects.includes("1")
  }

  /** The server ran nothing of it: asked once more, without a name, it cannot fail for the name again. */
  private again(cycle: InFlightQuery): void {
    if (cycle.prepared !== undefined) this.prepared.drop(cycle.prepared)
    const { prepended: ahead, form, params, sql } = cycle.query
    this.send({ sql, params, named: false, form, prepended: ahead }, false, (other) => cycle.finishAs(other))
  }

  private gather(frame: Uint8Array): void {
    if (this.gathered.push(frame) === 1) queueMicrotask(this.flush)
  }

  private readonly flush = (): void => {
    const frames = this.gathered
    if (frames.length === 0) return
    this.gathered = []
    this.parts.socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames))
  }

  private broken(cause: unknown): void {
    this.isBroken = true
    this.parts.onBroken(cause)
  }
}

const IDLE = 0x49
