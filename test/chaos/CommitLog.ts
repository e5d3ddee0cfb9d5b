/** The expected outcome of every row that a test writes, compared with the table at the end. */
import type { Violations } from "./Violations.ts"

/**
 * `committed`: its write succeeded. `unknown`: its outcome was unknown, or its writer was interrupted. `absent`: its
 * write failed, or never reached COMMIT.
 */
export type Expectation = "committed" | "unknown" | "absent"

interface Row {
  readonly writer: string
  expected: Expectation
}

export class CommitLog {
  private readonly rows: Array<Row> = []

  get size(): number {
    return this.rows.length
  }

  count(expected: Expectation): number {
    return this.rows.filter((row) => row.expected === expected).length
  }

  /** Adds a row that is about to be written and returns its id. */
  plan(writer: string): number {
    return this.rows.push({ writer, expected: "absent" })
  }

  expect(ids: ReadonlyArray<number>, expected: Expectation): void {
    for (const id of ids) this.rows[id - 1]!.expected = expected
  }

  audit(table: ReadonlyArray<number>, violations: Violations): void {
    const times = new Map<number, number>()
    for (const id of table) times.set(id, (times.get(id) ?? 0) + 1)
    for (const [index, { expected, writer }] of this.rows.entries()) {
      const found = times.get(index + 1) ?? 0
      times.delete(index + 1)
      const right = expected === "committed" ? found === 1 : expected === "unknown" ? found <= 1 : found === 0
      violations.must(
        right,
        () => `row ${index + 1} of a ${writer} is expected to be "${expected}" and was found ${found} times`
      )
    }
    violations.must(times.size === 0, () => `rows without a writer are in the table: ${[...times.keys()].join(", ")}`)
  }
}
