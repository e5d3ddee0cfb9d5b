/** Statements as bytes: one frame per cycle, so that a statement costs one write, and what is to be heard in return. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Result from "effect/Result"
import { parameterOf } from "./ParameterTypes.ts"
import type { PreparedStatement, PreparedStatements } from "./PreparedStatements.ts"
import type { ExpectedReplies } from "./InFlightQuery.ts"
import type { Query } from "./Query.ts"

interface Ahead extends Readonly<Pick<ExpectedReplies, "expects" | "prependedStatement">> {
  readonly frame: Uint8Array
}

const EXECUTE = PgProtocol.encodeExecute({ portal: "", maxRows: 0 })
const EXECUTE_SYNC = Buffer.concat([EXECUTE, PgProtocol.encodeSync()])
const DESCRIBE_EXECUTE_SYNC = Buffer.concat([
  PgProtocol.encodeDescribe({ target: "portal", name: "" }),
  EXECUTE,
  PgProtocol.encodeSync()
])

/** Answers to Bind, Execute, Sync. */
const KNOWN = "2CZ"
/** Answers to Parse, Bind, Describe, Execute, Sync. */
const UNKNOWN = "12TCZ"
/** Answers to what goes ahead of a statement without a Sync of its own: Bind and Execute, with or without Parse. */
const KNOWN_AHEAD = "2C"
const UNKNOWN_AHEAD = "12C"
const CLOSED = "3"

const NO_PARAMETERS: ReadonlyArray<PgTypes.Parameter> = []
const NO_TYPES: ReadonlyArray<number> = []

type BindEncoder = (options: {
  readonly portal: string
  readonly statement: string
  readonly parameters: ReadonlyArray<PgTypes.Parameter>
}) => Result.Result<Uint8Array, PgProtocol.EncodeError | PgTypes.CodecError>

/** The encoder of sessions without types of their own; handing over the function as it is keeps its fast path. */
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
   * One statement, and what is to be heard of it; what is to run ahead goes in the same cycle, so that the statement is
   * skipped when that fails. Throws a `CodecError` or `EncodeError` for parameters that cannot be sent; then nothing is
   * to be written.
   */
  encode({ prepended: ahead, named, params, sql }: Query, cycle: ExpectedReplies): Uint8Array {
    const count = params.length
    // Mapped, because an array that is pushed to has room for sixteen more.
    const parameters = count === 0 ? NO_PARAMETERS : params.map(this.parameter)
    const types = count === 0 ? NO_TYPES : parameters.map(oidOf)
    const statement = named ? this.prepared.get(sql, types) : undefined
    // First of all, because a value that cannot be sent must leave nothing half written.
    const bind =
      statement?.isNamed === true && statement.frame !== undefined
        ? undefined
        : bytesOf(this.bind({ portal: "", statement: statement?.name ?? "", parameters }))
    const known = statement?.isNamed === true
    const main = bind === undefined ? statement!.frame! : this.main({ bind, sql, statement, types })
    if (known && count === 0) statement.frame ??= main
    cycle.expects = known ? KNOWN : UNKNOWN
    cycle.prepared = statement
    if (statement !== undefined) statement.isNamed = true
    const closing = this.prepared.takeClosing()
    const before = ahead === undefined ? undefined : this.ahead(ahead, named)
    const frame = before === undefined ? main : joined(before.frame, main)
    if (before !== undefined) {
      cycle.expects = before.expects + cycle.expects
      cycle.prependedStatement = before.prependedStatement
    }
    if (closing.length === 0) return frame
    cycle.expects = CLOSED.repeat(closing.length) + cycle.expects
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

  /** What goes ahead has no parameters, and nobody wants to know its columns. */
  private ahead(sql: string, named: boolean): Ahead {
    const opening = named ? this.prepared.get(sql, NO_TYPES) : undefined
    if (opening?.isNamed === true && opening.prependedFrame !== undefined) {
      return { prependedStatement: opening, frame: opening.prependedFrame, expects: KNOWN_AHEAD }
    }
    const name = opening?.name ?? ""
    const frame = joined(bytesOf(this.bind({ portal: "", statement: name, parameters: NO_PARAMETERS })), EXECUTE)
    if (opening !== undefined) opening.prependedFrame = frame
    if (opening?.isNamed === true) return { prependedStatement: opening, frame, expects: KNOWN_AHEAD }
    const parse = bytesOf(PgProtocol.encodeParse({ name, query: sql, parameterTypes: NO_TYPES }))
    if (opening !== undefined) opening.isNamed = true
    return { prependedStatement: opening, frame: joined(parse, frame), expects: UNKNOWN_AHEAD }
  }
}
