/** Encodes statements: one frame each, so that a statement costs one write, and the replies that it expects. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Result from "effect/Result"
import { parametersOf, type SentParameter } from "./ParameterTypes.ts"
import type { PreparedStatement, PreparedStatements } from "./PreparedStatements.ts"
import type { ExpectedReplies } from "./InFlightQuery.ts"
import type { Portal, Query } from "./Query.ts"
import type { TypeCatalogue } from "./TypeCatalogue.ts"

interface PrependedFrame extends Readonly<Pick<ExpectedReplies, "expects" | "prependedStatement">> {
  readonly frame: Uint8Array
}

const EXECUTE = PgProtocol.encodeExecute({ portal: "", maxRows: 0 })
const EXECUTE_SYNC = Buffer.concat([EXECUTE, PgProtocol.encodeSync()])
const SYNC = PgProtocol.encodeSync()
const DESCRIBE_EXECUTE_SYNC = Buffer.concat([
  PgProtocol.encodeDescribe({ target: "portal", name: "" }),
  EXECUTE,
  PgProtocol.encodeSync()
])

/** Replies to Bind, Execute, Sync. */
const KNOWN = "2CZ"
/** Replies to Parse, Bind, Describe, Execute, Sync. */
const UNKNOWN = "12TCZ"
/** Replies to a prepended statement, which has no Sync: Bind and Execute, without or with Parse. */
const KNOWN_PREPENDED = "2C"
const UNKNOWN_PREPENDED = "12C"
const CLOSED = "3"
/** Replies to the parts of a portal: all of them, Execute and Sync, Close and Sync. */
const PORTAL_REPLIES = { open: UNKNOWN, fetch: "CZ", close: "3Z" }

const NO_PARAMETERS: ReadonlyArray<SentParameter> = []
const NO_TYPES: ReadonlyArray<number> = []

type BindEncoder = (options: {
  readonly portal: string
  readonly statement: string
  readonly parameters: ReadonlyArray<PgTypes.Parameter>
}) => Result.Result<Uint8Array, PgProtocol.EncodeError | PgTypes.CodecError>

/** The encoder of sessions without a type registry; the driver has a fast path for this very function. */
const plainBind: BindEncoder = PgProtocol.makeBindEncoder(PgTypes.writeParameter, PgTypes.isTextFormat)

const bindEncoder = (registry: PgTypes.Registry | undefined): BindEncoder =>
  registry === undefined
    ? plainBind
    : PgProtocol.makeBindEncoder(
        (sink: PgProtocol.ValueSink, parameter: PgTypes.Parameter) => PgTypes.writeParameter(sink, parameter, registry),
        PgTypes.isTextFormat
      )

const typeOf = ({ declared, oid }: SentParameter): number => declared ?? oid

const bytesOf = <E>(encoded: Result.Result<Uint8Array, E>): Uint8Array => {
  if (Result.isFailure(encoded)) throw encoded.failure
  return encoded.success
}

/** The counts of the protocol are unsigned 16-bit integers; the driver's encoder takes half of that. */
const MAX_PARAMETERS = 0xffff
const MAX_ENCODED = 0x7fff

const tooMany = (count: number): PgTypes.CodecError =>
  new PgTypes.CodecError({
    message:
      `PostgreSQL takes ${MAX_PARAMETERS} parameters in a statement and this one has ${count}; send arrays and use ` +
      "unnest, or split the statement"
  })

const int16s = (...values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.allocUnsafe(2 * values.length)
  values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index))
  return bytes
}

/** A message of a type, with its length. */
const framed = (type: string, body: ReadonlyArray<Uint8Array>): Buffer => {
  const header = Buffer.from(`${type}\0\0\0\0`, "latin1")
  const frame = Buffer.concat([header, ...body])
  frame.writeInt32BE(frame.length - 1, 1)
  return frame
}

/** Parse of any number of parameters. */
const encodeParse = (name: string, query: string, types: ReadonlyArray<number>): Uint8Array => {
  if (types.length <= MAX_ENCODED) return bytesOf(PgProtocol.encodeParse({ name, query, parameterTypes: types }))
  const oids = Buffer.allocUnsafe(4 * types.length)
  types.forEach((oid, index) => oids.writeUInt32BE(oid, 4 * index))
  return framed("P", [Buffer.from(`${name}\0${query}\0`), int16s(types.length), oids])
}

/** Bytes of a Bind before its format codes: type, length, and two empty names. */
const BIND_HEADER_BYTES = 7
/** Bytes after the values: all results in binary. */
const BIND_TRAILER_BYTES = 4

/** Where the empty name of the portal ends in a Bind. */
const PORTAL_NAME_END = 6

/** The values in a Bind without names. */
const valuesOfBind = (frame: Uint8Array): Uint8Array => {
  const formats = (frame[BIND_HEADER_BYTES]! << 8) | frame[BIND_HEADER_BYTES + 1]!
  return frame.subarray(BIND_HEADER_BYTES + 4 + 2 * formats, frame.length - BIND_TRAILER_BYTES)
}

/** Two parts in one buffer of Node's pool. */
const joined = (head: Uint8Array, tail: Uint8Array): Uint8Array => {
  const frame = Buffer.allocUnsafe(head.length + tail.length)
  frame.set(head, 0)
  frame.set(tail, head.length)
  return frame
}

interface EncoderParts {
  readonly registry: PgTypes.Registry | undefined
  readonly types: TypeCatalogue
  readonly isTextReadable: () => boolean
}

export class StatementEncoder {
  private readonly registry: PgTypes.Registry | undefined
  private readonly prepared: PreparedStatements
  private readonly bindSome: BindEncoder

  private readonly catalogue: TypeCatalogue
  /** Whether the session writes dates and intervals in the form that is read. */
  private readonly isTextReadable: () => boolean

  constructor({ isTextReadable, registry, types }: EncoderParts, prepared: PreparedStatements) {
    this.registry = registry
    this.catalogue = types
    this.isTextReadable = isTextReadable
    this.prepared = prepared
    this.bindSome = bindEncoder(registry)
  }

  /**
   * Encodes one statement and fills in the replies that it expects. A prepended statement shares its Sync, so that the
   * statement is skipped when that one fails. Throws a `CodecError` or `EncodeError` for parameters that cannot be sent;
   * then nothing must be written.
   */
  encode(query: Query, expected: ExpectedReplies): Uint8Array {
    const { named, params, portal, prepended, sql } = query
    if (portal !== undefined) {
      expected.expects = PORTAL_REPLIES[portal.part]
      expected.isBinary = this.isBinary(sql)
      return this.portalFrame(portal, query, expected.isBinary)
    }
    const count = params.length
    if (count > MAX_PARAMETERS) throw tooMany(count)
    const parameters = parametersOf(sql, params, this.registry)
    const types = count === 0 ? NO_TYPES : parameters.map(typeOf)
    const statement = named ? this.prepared.get(sql, types, parameters) : undefined
    // Before anything is changed, because it throws for a value that cannot be sent.
    const isBinary = this.registry !== undefined || (statement?.isBinary ?? this.isBinary(sql))
    const bind =
      statement?.isNamed === true && statement.frame !== undefined
        ? undefined
        : this.bind(statement?.name ?? "", parameters, isBinary)
    const known = statement?.isNamed === true
    const main = bind === undefined ? statement!.frame! : this.main({ bind, sql, statement, types })
    if (known && count === 0 && statement.isBinary !== undefined) statement.frame ??= main
    expected.isBinary = isBinary
    expected.expects = known ? KNOWN : UNKNOWN
    expected.prepared = statement
    if (statement !== undefined) statement.isNamed = true
    const closing = this.prepared.takeClosing()
    const before = prepended === undefined ? undefined : this.prependedFrame(prepended, named)
    const frame = before === undefined ? main : joined(before.frame, main)
    if (before !== undefined) {
      expected.expects = before.expects + expected.expects
      expected.prependedStatement = before.prependedStatement
    }
    if (closing.length === 0) return frame
    expected.expects = CLOSED.repeat(closing.length) + expected.expects
    return Buffer.concat([...closing, frame])
  }

  private isBinary(sql: string): boolean {
    return this.registry !== undefined || this.catalogue.isBinary(sql) || !this.isTextReadable()
  }

  private portalFrame({ maxRows, name, part }: Portal, { params, sql }: Query, isBinary: boolean): Uint8Array {
    if (part === "close") return joined(PgProtocol.encodeClose({ target: "portal", name }), SYNC)
    const execute = joined(PgProtocol.encodeExecute({ portal: name, maxRows }), SYNC)
    if (part === "fetch") return execute
    if (params.length > MAX_PARAMETERS) throw tooMany(params.length)
    const parameters = parametersOf(sql, params, this.registry)
    // The name takes the place of the empty one, which is a single byte.
    const bind = framed("B", [Buffer.from(`${name}\0`), this.bind("", parameters, isBinary).subarray(PORTAL_NAME_END)])
    const describe = PgProtocol.encodeDescribe({ target: "portal", name })
    return Buffer.concat([encodeParse("", sql, parameters.map(typeOf)), bind, describe, execute])
  }

  private bind(statement: string, parameters: ReadonlyArray<SentParameter>, isBinary: boolean): Uint8Array {
    const frame =
      parameters.length <= MAX_ENCODED
        ? bytesOf(this.bindSome({ portal: "", statement, parameters }))
        : this.bindMany(statement, parameters)
    // The last byte is the format of all columns.
    if (!isBinary) frame[frame.length - 1] = 0
    return frame
  }

  private bindMany(statement: string, parameters: ReadonlyArray<SentParameter>): Uint8Array {
    const count = parameters.length
    const formats = int16s(count, ...parameters.map((parameter) => (PgTypes.isTextFormat(parameter) ? 0 : 1)))
    const values: Array<Uint8Array> = []
    for (let start = 0; start < count; start += MAX_ENCODED) {
      const some = parameters.slice(start, start + MAX_ENCODED)
      values.push(valuesOfBind(bytesOf(this.bindSome({ portal: "", statement: "", parameters: some }))))
    }
    return framed("B", [Buffer.from(`\0${statement}\0`), formats, int16s(count), ...values, int16s(1, 1)])
  }

  private main(parts: {
    readonly bind: Uint8Array
    readonly sql: string
    readonly statement: PreparedStatement | undefined
    readonly types: ReadonlyArray<number>
  }): Uint8Array {
    if (parts.statement?.isNamed === true) return joined(parts.bind, EXECUTE_SYNC)
    const parse = encodeParse(parts.statement?.name ?? "", parts.sql, parts.types)
    return Buffer.concat([parse, parts.bind, DESCRIBE_EXECUTE_SYNC])
  }

  /** A prepended statement has no parameters, and its columns are not described. */
  private prependedFrame(sql: string, named: boolean): PrependedFrame {
    const statement = named ? this.prepared.get(sql, NO_TYPES, NO_PARAMETERS) : undefined
    if (statement?.isNamed === true && statement.prependedFrame !== undefined) {
      return { prependedStatement: statement, frame: statement.prependedFrame, expects: KNOWN_PREPENDED }
    }
    const name = statement?.name ?? ""
    const frame = joined(this.bind(name, NO_PARAMETERS, true), EXECUTE)
    if (statement !== undefined) statement.prependedFrame = frame
    if (statement?.isNamed === true) return { prependedStatement: statement, frame, expects: KNOWN_PREPENDED }
    const parse = encodeParse(name, sql, NO_TYPES)
    if (statement !== undefined) statement.isNamed = true
    return { prependedStatement: statement, frame: joined(parse, frame), expects: UNKNOWN_PREPENDED }
  }
}
