/** Encodes statements: one frame each, so that a statement costs one write, and the replies that it expects. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Result from "effect/Result"
import { parameterOf } from "./ParameterTypes.ts"
import type { PreparedStatement, PreparedStatements } from "./PreparedStatements.ts"
import type { ExpectedReplies } from "./InFlightQuery.ts"
import type { Query } from "./Query.ts"

interface PrependedFrame extends Readonly<Pick<ExpectedReplies, "expects" | "prependedStatement">> {
  readonly frame: Uint8Array
}

const EXECUTE = PgProtocol.encodeExecute({ portal: "", maxRows: 0 })
const EXECUTE_SYNC = Buffer.concat([EXECUTE, PgProtocol.encodeSync()])
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

const NO_PARAMETERS: ReadonlyArray<PgTypes.Parameter> = []
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

const oidOf = ({ oid }: PgTypes.Parameter): number => oid

const bytesOf = <E>(encoded: Result.Result<Uint8Array, E>): Uint8Array => {
  if (Result.isFailure(encoded)) throw encoded.failure
  return encoded.success
}

/** Two parts in one buffer of Node's pool. */
const joined = (head: Uint8Array, tail: Uint8Array): Uint8Array => {
  const frame = Buffer.allocUnsafe(head.length + tail.length)
  frame.set(head, 0)
  frame.set(tail, head.length)
  return frame
}

export class StatementEncoder {
  private readonly registry: PgTypes.Registry | undefined
  private readonly prepared: PreparedStatements
  private readonly bind: BindEncoder

  constructor(registry: PgTypes.Registry | undefined, prepared: PreparedStatements) {
    this.registry = registry
    this.prepared = prepared
    this.bind = bindEncoder(registry)
  }

  /**
   * Encodes one statement and fills in the replies that it expects. A prepended statement shares its Sync, so that the
   * statement is skipped when that one fails. Throws a `CodecError` or `EncodeError` for parameters that cannot be sent;
   * then nothing must be written.
   */
  encode({ named, params, prepended, sql }: Query, expected: ExpectedReplies): Uint8Array {
    const count = params.length
    // `map`, because an array that is pushed to reserves room for sixteen more.
    const parameters = count === 0 ? NO_PARAMETERS : params.map(this.parameter)
    const types = count === 0 ? NO_TYPES : parameters.map(oidOf)
    const statement = named ? this.prepared.get(sql, types) : undefined
    // Before anything is changed, because it throws for a value that cannot be sent.
    const bind =
      statement?.isNamed === true && statement.frame !== undefined
        ? undefined
        : bytesOf(this.bind({ portal: "", statement: statement?.name ?? "", parameters }))
    const known = statement?.isNamed === true
    const main = bind === undefined ? statement!.frame! : this.main({ bind, sql, statement, types })
    if (known && count === 0) statement.frame ??= main
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

  private readonly parameter = (value: unknown): PgTypes.Parameter => parameterOf(value, this.registry)

  private main(parts: {
    readonly bind: Uint8Array
    readonly sql: string
    readonly statement: PreparedStatement | undefined
    readonly types: ReadonlyArray<number>
  }): Uint8Array {
    if (parts.statement?.isNamed === true) return joined(parts.bind, EXECUTE_SYNC)
    const parse = PgProtocol.encodeParse({
      name: parts.statement?.name ?? "",
      query: parts.sql,
      parameterTypes: parts.types
    })
    return Buffer.concat([bytesOf(parse), parts.bind, DESCRIBE_EXECUTE_SYNC])
  }

  /** A prepended statement has no parameters, and its columns are not described. */
  private prependedFrame(sql: string, named: boolean): PrependedFrame {
    const statement = named ? this.prepared.get(sql, NO_TYPES) : undefined
    if (statement?.isNamed === true && statement.prependedFrame !== undefined) {
      return { prependedStatement: statement, frame: statement.prependedFrame, expects: KNOWN_PREPENDED }
    }
    const name = statement?.name ?? ""
    const frame = joined(bytesOf(this.bind({ portal: "", statement: name, parameters: NO_PARAMETERS })), EXECUTE)
    if (statement !== undefined) statement.prependedFrame = frame
    if (statement?.isNamed === true) return { prependedStatement: statement, frame, expects: KNOWN_PREPENDED }
    const parse = bytesOf(PgProtocol.encodeParse({ name, query: sql, parameterTypes: NO_TYPES }))
    if (statement !== undefined) statement.isNamed = true
    return { prependedStatement: statement, frame: joined(parse, frame), expects: UNKNOWN_PREPENDED }
  }
}
