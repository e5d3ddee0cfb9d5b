/** One run: a database, the contenders' processes, and every case in rounds. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TestPostgres } from "../src/testing/TestPostgres.ts"
import { database } from "./Database.ts"
import { machine, versions } from "./Machine.ts"
import type { Options } from "./Options.ts"
import type { Result, Table } from "./Result.ts"
import { runCase } from "./Rounds.ts"
import { RunContext } from "./RunContext.ts"

/** Called when the run begins and after each table, with the result so far. */
export interface Listener {
  readonly began: (result: Result) => void
  readonly finished: (table: Table, result: Result) => void
}

/** Runs the selected workloads. A contender that fails ends the run with a defect that names it and its error. */
export const run = Effect.fnUntraced(function* (
  options: Options,
  command: string,
  listener: Listener
): Effect.fn.Return<Result, unknown, Scope.Scope | TestPostgres> {
  const { url, version } = yield* database(options.route)
  const { entries, millis, profileDirectory: profiles, quick, rounds } = options
  const context = yield* Effect.acquireRelease(
    Effect.sync(() => new RunContext({ url, entries, millis, quick, profileDirectory: profiles })),
    (context) => Effect.promise(() => context.close())
  )
  const tables: Array<Table> = []
  const result: Result = {
    command,
    flags: options.flags,
    date: new Date().toISOString().slice(0, "2026-01-01".length),
    machine,
    versions: versions(version),
    route: options.route,
    seconds: millis / 1000,
    tables
  }
  listener.began(result)
  for (const { cases, name: workload } of options.workloads) {
    for (const benchCase of cases(quick)) {
      const table = yield* Effect.promise(() => runCase(context, { workload, rounds }, benchCase))
      tables.push(table)
      listener.finished(table, result)
    }
  }
  return result
})
