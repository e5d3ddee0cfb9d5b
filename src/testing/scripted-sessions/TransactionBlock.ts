/** The transaction block of a session: once failed, it accepts only its end (PostgreSQL docs, "Message Flow"). */
import type { SqlError } from "effect/sql/SqlError"
import { serverError } from "./Failures.ts"

/** Idle, in a transaction, in a failed transaction. */
type Status = "I" | "T" | "E"

type Control = "begin" | "commit" | "rollback" | "savepoint" | "release" | "rollback to"

const controls: ReadonlyArray<readonly [RegExp, Control]> = [
  [/^\s*(?:begin|start\s+transaction)\b/i, "begin"],
  [/^\s*(?:commit|end)\b(?!\s+prepared)/i, "commit"],
  [/^\s*rollback\s+(?:work\s+|transaction\s+)?to\b/i, "rollback to"],
  [/^\s*(?:rollback|abort)\b(?!\s+prepared)/i, "rollback"],
  [/^\s*savepoint\b/i, "savepoint"],
  [/^\s*release\b/i, "release"]
]

/** The control statement of a text; undefined for other statements. */
export const controlOf = (sql: string): Control | undefined => controls.find(([pattern]) => pattern.test(sql))?.[1]

export class TransactionBlock {
  status: Status = "I"

  /** The server's error for this statement in a failed block. */
  errorFor(sql: string): SqlError | undefined {
    const control = controlOf(sql)
    if (this.status !== "E" || control === "commit" || control === "rollback" || control === "rollback to") {
      return undefined
    }
    return serverError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
  }

  /** The server's command tag for a control statement. */
  command(control: Control): string {
    if (control === "commit") return this.status === "E" ? "ROLLBACK" : "COMMIT"
    return control === "rollback to" ? "ROLLBACK" : control.toUpperCase()
  }

  /** To be called after a statement succeeded. */
  succeeded(sql: string): void {
    const control = controlOf(sql)
    if (control === "begin") this.status = "T"
    else if (control === "commit" || control === "rollback") this.status = "I"
    else if (control === "rollback to" && this.status === "E") this.status = "T"
  }

  /** To be called after a statement failed. */
  failed(): void {
    if (this.status === "T") this.status = "E"
  }
}
