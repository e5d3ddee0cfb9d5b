/** For integration tests: a pool with a real server behind a fault proxy. */
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
import { Listener } from "../src/services/sql/Listener.ts"
import { FaultProxy } from "../src/testing/FaultProxy.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"

/** The application name of the pools under test, which `backends` selects. */
const APPLICATION = "pool-under-test"

/** A condition that has not become true after this time fails the test. */
const TIMEOUT_MILLIS = 120_000

/** How often a condition without an event is checked. */
const POLL_MILLIS = 5

export interface Stack {
  readonly proxy: FaultProxy["Service"]
  readonly pool: SessionPool["Service"]
  readonly sql: PgClient
  readonly listener: Listener["Service"]
}

/** These tests cause faults on purpose; log lines about them would hide the real failures. */
const quiet = Logger.layer([])

/** Default of `pool.pipeline` in all tests, so that the suite can run in both modes. */
const PIPELINE = process.env["TEST_PIPELINE"]

const withPipeline = ({ pool, ...settings }: SettingsInput): SettingsInput => ({
  ...settings,
  pool: PIPELINE === undefined ? { ...pool } : { pipeline: Number(PIPELINE), ...pool }
})

/** Builds a pool and a client for any settings in the current scope. */
export const poolAt = (
  settings: SettingsInput,
  options: SupavisorLayer.SupavisorOptions = {}
): Effect.Effect<Omit<Stack, "proxy">, unknown, Scope.Scope> =>
  Effect.map(
    Layer.build(
      SupavisorLayer.layer({ applicationName: APPLICATION, ...withPipeline(settings) }, options).pipe(
        Layer.provide(quiet)
      )
    ),
    (context) => ({
      pool: Context.get(context, SessionPool),
      sql: Context.get(context, PgClient),
      listener: Context.get(context, Listener)
    })
  )

/** Builds a proxy, a pool and a client in the current scope. */
export const stack = (
  settings: SettingsInput = {},
  options: SupavisorLayer.SupavisorOptions = {}
): Effect.Effect<Stack, unknown, Scope.Scope | TestPostgres> =>
  Effect.gen(function* () {
    const postgres = yield* TestPostgres
    const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
    return { proxy, ...(yield* poolAt({ url: proxy.urlThrough(postgres.url), ...settings }, options)) }
  })

/** Waits until the condition is true. */
export const until = <R>(label: string, condition: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  condition.pipe(
    Effect.delay(POLL_MILLIS),
    Effect.repeat({ until: (isTrue) => isTrue }),
    Effect.timeoutOrElse({
      duration: TIMEOUT_MILLIS,
      orElse: () => Effect.die(new Error(`Waited ${TIMEOUT_MILLIS} ms without success until ${label}`))
    }),
    Effect.asVoid
  )

/** Waits until the snapshot of the pool meets the condition. */
export const untilPool = (
  pool: SessionPool["Service"],
  label: string,
  condition: (snapshot: PoolSnapshot) => boolean
): Effect.Effect<void> => until(label, Effect.map(pool.snapshot, condition))

/** Process ids of the server's backends for the pools under test. */
export const backends = Effect.gen(function* () {
  const postgres = yield* TestPostgres
  const rows = yield* Effect.orDie(
    postgres.admin("select pid from pg_stat_activity where application_name = $1", [APPLICATION])
  )
  return rows.map((row) => Number(row["pid"]))
})
