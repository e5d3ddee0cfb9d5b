/**
 * `node bench/gate.ts`: fails when the layer has become dear. Run by `.ci/run`.
 *
 * Processor time per operation, over that of the stock client in the same run: on a shared machine it holds where
 * throughput does not, and the limits are far from what noise reaches. Compared is the least of the rounds: what a
 * machine under load or a compiler that is late adds to a sample, it never takes away.
 */
import * as Effect from "effect/Effect"
import { server } from "./Database.ts"
import { optionsOf } from "./Options.ts"
import type { Table } from "./Result.ts"
import { BASELINE } from "./Roster.ts"
import { run } from "./Run.ts"

/** What everything is measured against. */
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

const COMMAND = `--quick --only ${Object.keys(limits).join(",")} --rounds 7 --seconds 0.3 --contenders ${STOCK},ours-sql,ours-pipelined`

const cpuOf = (table: Table, name: string): number =>
  table.rows.find((line) => line.name === name)?.values["cpu"]?.min ?? Number.NaN

/** Prints a table's ratios; how many of them are over their limit. */
const judge = (table: Table): number => {
  const stock = cpuOf(table, STOCK)
  let failures = 0
  for (const [name, limit] of Object.entries(limits[table.workload] ?? {})) {
    const ratio = cpuOf(table, name) / stock
    // A figure that is missing is no pass.
    const isWithin = ratio <= limit
    if (!isWithin) failures++
    const verdict = isWithin ? "within" : "OVER"
    console.log(`${table.title}: ${name} takes ${ratio.toFixed(2)} of ${STOCK}'s processor time, ${verdict} ${limit}`)
  }
  return failures
}

const asked = optionsOf(COMMAND.split(" "))
if (asked === undefined) throw new Error("The options of the gate are not understood")
// everything is compared with the stock client, so the floor would only take time
const options = { ...asked, entries: asked.entries.filter(({ name }) => name !== BASELINE) }
let failures = 0
const listener = {
  began: () => {},
  finished: (table: Table) => {
    failures += judge(table)
  }
}
await Effect.runPromise(run(options, "node bench/gate.ts", listener).pipe(Effect.scoped, Effect.provide(server)))
if (failures > 0) process.exitCode = 1
