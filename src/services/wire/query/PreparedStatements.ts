/**
 * The named statements of one session; the least recently used is dropped first.
 *
 * A statement is identified by its text and the types of its parameters: with other types the same text is another
 * statement for the server. A dropped statement is closed on the server together with the next one, not in a round trip
 * of its own.
 */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { SentParameter } from "./ParameterTypes.ts"
import type { RowShape } from "./RowShape.ts"

/** A statement that the server has, or is about to have, under a name. */
export class PreparedStatement {
  readonly name: string
  readonly text: string
  readonly types: ReadonlyArray<number>
  /** Its Parse was written. The server answers in order, so later uses need not wait for the reply. */
  isNamed = false
  /** Its columns; undefined before they were described, and for a statement without columns. */
  shape: RowShape | undefined = undefined
  /** The format of its rows; undefined before they were described. */
  isBinary: boolean | undefined = undefined
  /** Bind, Execute and Sync of a statement without parameters: always the same bytes. */
  frame: Uint8Array | undefined = undefined
  /** Bind and Execute of a prepended statement. */
  prependedFrame: Uint8Array | undefined = undefined
  usedAt = 0

  constructor(name: string, text: string, types: ReadonlyArray<number>) {
    this.name = name
    this.text = text
    this.types = types
  }
}

/** Whether a statement takes these parameters: a null without a type takes the type of the statement. */
const takes = (
  own: ReadonlyArray<number>,
  types: ReadonlyArray<number>,
  parameters: ReadonlyArray<SentParameter>
): boolean => {
  if (own.length !== types.length) return false
  for (let index = 0; index < own.length; index++) {
    if (own[index] !== types[index] && (types[index] !== 0 || parameters[index]!.value !== null)) return false
  }
  return true
}

export class PreparedStatements {
  private readonly limit: number
  private readonly prefix: string
  private readonly byText = new Map<string, Array<PreparedStatement>>()
  private size = 0
  private made = 0
  private uses = 0
  private closing: Array<Uint8Array> = []

  /** `prefix` must be unique to the session: a pooler may have kept the names of an earlier session. */
  constructor(limit: number, prefix: string) {
    this.limit = limit
    this.prefix = prefix
  }

  /** The statement of a text and types; created when it is new. */
  get(text: string, types: ReadonlyArray<number>, parameters: ReadonlyArray<SentParameter>): PreparedStatement {
    let variants = this.byText.get(text)
    if (variants === undefined) this.byText.set(text, (variants = []))
    let found: PreparedStatement | undefined
    for (const variant of variants) if (takes(variant.types, types, parameters)) found = variant
    if (found === undefined) {
      found = new PreparedStatement(`${this.prefix}${++this.made}`, text, types)
      variants.push(found)
      this.size++
    }
    found.usedAt = ++this.uses
    if (this.size > this.limit) this.trim(found)
    return found
  }

  /** Drops a statement whose name is no longer usable. Closing a name that does not exist is harmless. */
  drop(statement: PreparedStatement): void {
    const variants = this.byText.get(statement.text)
    const at = variants?.indexOf(statement) ?? -1
    if (variants === undefined || at < 0) return
    variants.splice(at, 1)
    if (variants.length === 0) this.byText.delete(statement.text)
    this.size--
    if (statement.isNamed) this.closing.push(PgProtocol.encodeClose({ target: "statement", name: statement.name }))
  }

  /** The Close messages that are due; the caller must send them. */
  takeClosing(): ReadonlyArray<Uint8Array> {
    const closing = this.closing
    if (closing.length > 0) this.closing = []
    return closing
  }

  private trim(kept: PreparedStatement): void {
    let oldest: PreparedStatement | undefined
    for (const variants of this.byText.values()) {
      for (const variant of variants) {
        if (variant !== kept && (oldest === undefined || variant.usedAt < oldest.usedAt)) oldest = variant
      }
    }
    if (oldest !== undefined) this.drop(oldest)
  }
}
