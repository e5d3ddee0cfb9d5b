/** A pool in front of a real server with a fault proxy in between, for the integration tests. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as SupavisorLayer from "../src/layers/SupavisorLayer.ts"
import type { SettingsInput } from "../src/services/config/settings/Settings.ts"
import { SessionPool } from "../src/services/pool/SessionPool.ts"
import type { PoolSnapshot } from "../src/services/pool/core/Snapshot.ts"
import { FaultProxy } from "../src/testing/FaultProxy.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"

/** The application name of the pools under test: what `backends` counts. */
const APPLICATION = "pool-under-test"

/** How long a condition may take to come true before the test fails. */
const PATIENCE_MILLIS = 120_000

/** How often a condition that no event announces is looked at. */
const LOOK_MILLIS = 5

export interface Stack {
  readonly proxy: FaultProxy["Service"]
  readonly pool: SessionPool["Service"]
  readonly sql: PgClient
}

/** Faults are the point of these tests; the lines about them would bury what failed. */
const quiet = Logger.layer([])

/** How many statements share a session in the tests that do not say it themselves: the suite runs in both modes. */
const PIPELINE = process.env["TEST_PIPELINE"]

const inMode = ({ pool, ...settings }: SettingsInput): SettingsInput => ({
  ...settings,
  pool: PIPELINE === undefined ? { ...pool } : { pipeline: Number(PIPELINE), ...pool }
})

/** Builds pool and client for any settings in the current scope. */
export const poolAt = (
  settings: SettingsInput,
  options: SupavisorLayer.SupavisorOptions = {}
): Effect.Effect<Omit<Stack, "proxy">, unknown, Scope.Scope> =>
  Effect.map(
    Layer.build(
      SupavisorLayer.layer({ applicationName: APPLICATION, ...inMode(settings) }, options).pipe(Layer.provide(quiet))
    ),
    (context) => ({ pool: Context.get(context, SessionPool), sql: Context.get(context, PgClient) })
  )

/** Builds proxy, pool and client in the current scope. */
export const stack = (
  settings: SettingsInput = {},
  options: SupavisorLayer.SupavisorOptions = {}
): Effect.Effect<Stack, unknown, Scope.Scope | TestPostgres> =>
  Effect.gen(function* () {
    const postgres = yield* TestPostgres
    const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
    return { proxy, ...(yield* poolAt({ url: proxy.urlThrough(postgres.url), ...settings }, options)) }
  })

/** Waits until a look says yes. */
export const until = <R>(label: string, look: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  look.pipe(
    Effect.delay(LOOK_MILLIS),
    Effect.repeat({ until: (yes) => yes }),
    Effect.timeoutOrElse({
      duration: PATIENCE_MILLIS,
      orElse: () => Effect.die(new Error(`Waited ${PATIENCE_MILLIS} ms in vain until ${label}`))
    }),
    Effect.asVoid
  )

/** Waits until the pool looks as wanted. */
export const untilPool = (
  pool: SessionPool["Service"],
  label: string,
  wanted: (snapshot: PoolSnapshot) => boolean
): Effect.Effect<void> => until(label, Effect.map(pool.snapshot, wanted))

/** Server processes of the pools under test. */
export const backends = Effect.gen(function* () {
  const postgres = yield* TestPostgres
  const rows = yield* Effect.orDie(
    postgres.admin("select pid from pg_stat_activity where application_name = $1", [APPLICATION])
  )
  return rows.map((row) => Number(row["pid"]))
})
