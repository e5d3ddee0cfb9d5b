/** What was said of every row that was ever to be written, against what the table holds in the end. */
import type { Findings } from "./Findings.ts"

/**
 * `once`: its writer was told that it is there. `maybe`: nobody could tell, or its writer did not wait. `never`: its
 * writer was told that it is not, or never came as far as COMMIT.
 */
export type Told = "once" | "maybe" | "never"

interface Row {
  readonly writer: string
  told: Told
}

export class CommitBook {
  private readonly rows: Array<Row> = []

  get size(): number {
    return this.rows.length
  }

  count(told: Told): number {
    return this.rows.filter((row) => row.told === told).length
  }

  /** The number of a row that is about to be written. */
  plan(writer: string): number {
    return this.rows.push({ writer, told: "never" })
  }

  tell(ids: ReadonlyArray<number>, told: Told): void {
    for (const id of ids) this.rows[id - 1]!.told = told
  }

  /** Compares with the ids in the table. */
  audit(table: ReadonlyArray<number>, findings: Findings): void {
    const times = new Map<number, number>()
    for (const id of table) times.set(id, (times.get(id) ?? 0) + 1)
    for (const [index, { told, writer }] of this.rows.entries()) {
      const found = times.get(index + 1) ?? 0
      times.delete(index + 1)
      const right = told === "once" ? found === 1 : told === "maybe" ? found <= 1 : found === 0
      findings.must(right, () => `row ${index + 1} of a ${writer} was told "${told}" and is there ${found} times`)
    }
    findings.must(times.size === 0, () => `rows nobody wrote are in the table: ${[...times.keys()].join(", ")}`)
  }
}
