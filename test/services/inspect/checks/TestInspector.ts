/** Runs checks on a real server, and opens other clients for them. */
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import {
  type CheckId,
  type Inspection,
  type InspectOptions,
  Inspector
} from "../../../../src/services/inspect/Inspector.ts"
import { SessionConfig, type SettingsInput } from "../../../../src/services/config/SessionConfig.ts"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"

/** A server with the settings that every check needs. */
export const serverWithStatistics = TestPostgres.layerWith({
  settings: { shared_preload_libraries: "pg_stat_statements", wal_level: "logical", autovacuum: "off" }
})

/** Runs checks with the given settings. */
export const inspect = (settings: SettingsInput, ids: ReadonlyArray<CheckId>, options?: InspectOptions) =>
  Effect.flatMap(Inspector, (inspector) => inspector.inspect(ids, options)).pipe(
    Effect.provide(Inspector.layer.pipe(Layer.provide(SessionConfig.layer(settings))))
  )

/** Runs one check. */
export const runCheck = (
  settings: SettingsInput,
  id: CheckId,
  options?: InspectOptions
): Effect.Effect<Inspection, unknown> =>
  Effect.map(inspect(settings, [id], options), ([found]) => {
    if (found === undefined) throw new Error(`${id} did not run`)
    return found
  })

/** The row with a value in a column. */
export const rowWith = (found: Inspection, column: string, value: string | number) => {
  const row = found.rows.find((row) => row[column] === value)
  if (row === undefined) throw new Error(`no row with ${column} ${value} in ${JSON.stringify(found.rows)}`)
  return row
}

export const outcomeOf = (found: Inspection, id: string) => found.rules.find((rule) => rule.id === id)?.outcome

export interface Client {
  readonly pid: number
  readonly run: (sql: string) => Effect.Effect<ReadonlyArray<PgConnection.Row>>
}

/** Another client of the server, until the scope closes. */
export const client = Effect.fnUntraced(function* (url: Redacted.Redacted<string>, applicationName: string) {
  const connection = yield* Effect.orDie(PgConnection.make({ url, applicationName }))
  const run: Client["run"] = (sql) => Effect.map(Effect.orDie(connection.query(sql, [], false)), ({ rows }) => rows)
  const [row] = yield* run("select pg_backend_pid() as pid")
  return { pid: Number(row?.["pid"]), run }
})
