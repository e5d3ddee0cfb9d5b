/**
 * Which statements are known to be quick: only those share a session with others.
 *
 * A text is looked at once and timed whenever it runs. One that nobody knows yet runs alone, and so does one that has
 * turned out slow, until it is quick again.
 */
import { operationOf } from "../session/OperationTimes.ts"
import { taintOf } from "../session/StatementTaint.ts"

/** A neighbour may lose so much by a statement ahead of it: a few round trips to a database in the same region. */
const QUICK_MILLIS = 10

/** How much of the average the last run decides; a text that became slow is found out within two or three runs. */
const WEIGHT = 0.3

/** How many texts are remembered; beyond it the memory starts anew, so that generated SQL cannot fill it. */
const MAX_REMEMBERED = 2000

/** Statements that end with themselves: no transaction, no setting, no cursor outlives them. */
const INDEPENDENT = new Set(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES"])

export class StatementSpeed {
  /** Average milliseconds by text; infinite for one that must never share. */
  private averages = new Map<string, number>()

  /** Whether it may share a session. */
  isQuick(sql: string): boolean {
    return (this.averages.get(sql) ?? Number.POSITIVE_INFINITY) <= QUICK_MILLIS
  }

  /** A statement took so long on the server. */
  took(sql: string, millis: number): void {
    const average = this.averages.get(sql)
    if (average === undefined) this.remember(sql, mayShare(sql) ? millis : Number.POSITIVE_INFINITY)
    else if (millis > QUICK_MILLIS || average > QUICK_MILLIS)
      this.averages.set(sql, average + WEIGHT * (millis - average))
  }

  private remember(sql: string, millis: number): void {
    if (this.averages.size >= MAX_REMEMBERED) this.averages = new Map()
    this.averages.set(sql, millis)
  }
}

const mayShare = (sql: string): boolean => INDEPENDENT.has(operationOf(sql)) && taintOf(sql) === "clean"
