/**
 * `node bench/gate.ts`: fails if the layer has become too slow. Run by `.ci/run`.
 *
 * It compares the processor time per operation with that of the stock client in the same run: on a shared machine it
 * varies less than throughput, and the limits are far above the noise. It compares the medians of the rounds; a workload
 * over a limit is measured once more before it fails.
 */
import * as Effect from "effect/Effect"
import { server } from "./Database.ts"
import { optionsOf } from "./Options.ts"
import type { Table } from "./Result.ts"
import { BASELINE } from "./Roster.ts"
import { run } from "./Run.ts"

/** The contender that the limits refer to. */
const STOCK = "pgclient"

/** The most of the stock client's processor time that a contender may take, by workload. */
const limits: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // Measured: 0.4 to 0.65 exclusive, 0.2 to 0.65 pipelined.
  point: { "ours-sql": 0.85, "ours-pipelined": 0.85 },
  // Measured: 0.4 to 0.8.
  transaction: { "ours-sql": 1.1 },
  // Without sockets there is little noise. Measured: 0.29 to 0.41 exclusive, 0.16 to 0.36 pipelined.
  code: { "ours-sql": 0.6, "ours-pipelined": 0.6 }
}

const FLAGS = `--quick --rounds 9 --seconds 0.25 --contenders ${STOCK},ours-sql,ours-pipelined`.split(" ")

const cpuOf = (table: Table, name: string): number =>
  table.rows.find((row) => row.name === name)?.values["cpu"]?.median ?? Number.NaN

/** Prints a table's ratios. Returns whether all are within their limits. */
const judge = (table: Table): boolean => {
  const stock = cpuOf(table, STOCK)
  return Object.entries(limits[table.workload] ?? {})
    .map(([name, limit]) => {
      const ratio = cpuOf(table, name) / stock
      // A missing figure does not pass.
      const isWithin = ratio <= limit
      const verdict = isWithin ? "within" : "OVER"
      console.log(`${table.title}: ${name} takes ${ratio.toFixed(2)} of ${STOCK}'s processor time, ${verdict} ${limit}`)
      return isWithin
    })
    .every((isWithin) => isWithin)
}

/** Measures workloads. Returns those over a limit. */
const measure = (workloads: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, unknown> => {
  const options = optionsOf([...FLAGS, "--only", workloads.join(",")])
  if (options === undefined) throw new Error("The options of the gate are not understood")
  // Everything is compared with the stock client, so the baseline is not needed.
  const entries = options.entries.filter(({ name }) => name !== BASELINE)
  const over = new Set<string>()
  const listener = {
    began: () => {},
    finished: (table: Table) => {
      if (!judge(table)) over.add(table.workload)
    }
  }
  return run({ ...options, entries }, "node bench/gate.ts", listener).pipe(
    Effect.scoped,
    Effect.provide(server),
    Effect.map(() => [...over])
  )
}

let over = await Effect.runPromise(measure(Object.keys(limits)))
if (over.length > 0) {
  console.log(`Measuring once more: ${over.join(", ")}`)
  over = await Effect.runPromise(measure(over))
}
if (over.length > 0) process.exitCode = 1
