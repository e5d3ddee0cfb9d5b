/**
 * The statements one session has named, least recently used first to go.
 *
 * A statement is told apart by its text and the types of its parameters: the same text with others is another statement
 * for the server. What is dropped is closed on the server together with the next statement, not in a round trip of its
 * own.
 */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { RowShape } from "./RowShape.ts"

/** A statement that the server holds under a name, or is about to. */
export class PreparedStatement {
  readonly name: string
  readonly text: string
  readonly types: ReadonlyArray<number>
  /** Its Parse was written. Answers come in the order of the questions, so later uses need not wait for it. */
  isNamed = false
  /** Its columns; undefined before they were described, and for a statement without any. */
  shape: RowShape | undefined = undefined
  /** Bind, Execute and Sync of a statement without parameters, which are always the same bytes. */
  frame: Uint8Array | undefined = undefined
  /** Bind and Execute of one that goes ahead of others. */
  prependedFrame: Uint8Array | undefined = undefined
  usedAt = 0

  constructor(name: string, text: string, types: ReadonlyArray<number>) {
    this.name = name
    this.text = text
    this.types = types
  }
}

const sameTypes = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): boolean => {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
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

  /** `prefix` must be this session's own: a pooler may have kept the names of the session before. */
  constructor(limit: number, prefix: string) {
    this.limit = limit
    this.prefix = prefix
  }

  /** The statement for a text and types, made when it is new. */
  get(text: string, types: ReadonlyArray<number>): PreparedStatement {
    let variants = this.byText.get(text)
    if (variants === undefined) this.byText.set(text, (variants = []))
    let found: PreparedStatement | undefined
    for (const variant of variants) if (sameTypes(variant.types, types)) found = variant
    if (found === undefined) {
      found = new PreparedStatement(`${this.prefix}${++this.made}`, text, types)
      variants.push(found)
      this.size++
    }
    found.usedAt = ++this.uses
    if (this.size > this.limit) this.trim(found)
    return found
  }

  /** Forgets a statement whose name cannot be used any more. The name is closed in any case; of none, that is harmless. */
  drop(statement: PreparedStatement): void {
    const variants = this.byText.get(statement.text)
    const at = variants?.indexOf(statement) ?? -1
    if (variants === undefined || at < 0) return
    variants.splice(at, 1)
    if (variants.length === 0) this.byText.delete(statement.text)
    this.size--
    if (statement.isNamed) this.closing.push(PgProtocol.encodeClose({ target: "statement", name: statement.name }))
  }

  /** The Close messages that are due; whoever takes them must send them. */
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
