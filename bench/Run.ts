/** One run: a database, the contenders' processes, and every question in rounds. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TestPostgres } from "../src/testing/TestPostgres.ts"
import { database } from "./Database.ts"
import { machine, versions } from "./Machine.ts"
import type { Options } from "./Options.ts"
import type { Result, Table } from "./Result.ts"
import { runCase } from "./Rounds.ts"
import { Stage } from "./Stage.ts"

/** Hears of the run as it begins, and of each table as it is finished, with the result so far. */
export interface Listener {
  readonly began: (result: Result) => void
  readonly finished: (table: Table, result: Result) => void
}

/** Runs what the options ask for. A contender that fails ends the run, as a defect with its name and its error. */
export const run = Effect.fnUntraced(function* (
  options: Options,
  command: string,
  listener: Listener
): Effect.fn.Return<Result, unknown, Scope.Scope | TestPostgres> {
  const { url, version } = yield* database(options.route)
  const { entries, millis, profiles, quick, rounds } = options
  const stage = yield* Effect.acquireRelease(
    Effect.sync(() => new Stage({ url, entries, millis, quick, profiles })),
    (stage) => Effect.promise(() => stage.close())
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
    for (const question of cases(quick)) {
      const table = yield* Effect.promise(() => runCase(stage, { workload, rounds }, question))
      tables.push(table)
      listener.finished(table, result)
    }
  }
  return result
})
