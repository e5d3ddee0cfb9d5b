import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { allMetrics } from "../../../docs/generate-metrics.ts"
import { PoolMetrics } from "../../../src/services/observability/PoolMetrics.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { sampled, samplesOf } from "./metrics/Exposition.ts"
import { promtool, withPromtool } from "./metrics/Promtool.ts"
import { stack, untilPool } from "../../PoolHarness.ts"

const CONNECTION = "db_client_connection"
const SESSION = `${CONNECTION}_session`
const OPERATION = "db_client_operation_duration_seconds_count"

/** A measured pool in a registry of its own, in the current scope. */
const measured = (settings: Parameters<typeof stack>[0] = {}) =>
  Effect.gen(function* () {
    const made = yield* stack(settings)
    const context = yield* Layer.build(PoolMetrics.layer.pipe(Layer.provide(Layer.succeed(SessionPool, made.pool))))
    return { ...made, scrape: Context.get(context, PoolMetrics).prometheus }
  })

const isolated = Effect.provideService(Metric.MetricRegistry, new Map())

/** Uses a pool so that all of its metrics have values. */
const eventfulLife = Effect.gen(function* () {
  const made = yield* measured({ pool: { min: 1, max: 2, acquireTimeout: 300 } })
  const { pool, proxy, sql } = made
  yield* sql`select 1`
  yield* sql`select 2`
  yield* Effect.exit(sql`select * from nowhere`)
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* pool.get
      yield* pool.get
      yield* Effect.exit(sql`select 3`)
    })
  )
  yield* untilPool(pool, "both are back", ({ idle }) => idle === 2)
  yield* proxy.cutAll("reset")
  yield* untilPool(pool, "they were lost", ({ counters }) => counters.closed.lost === 2)
  yield* untilPool(pool, "one is open again", ({ open }) => open >= 1)
  return made
})

layer(TestPostgres.layer, { excludeTestServices: true })("PoolMetrics", (it) => {
  it.effect("shows what happened in the pool", () =>
    Effect.gen(function* () {
      const { scrape } = yield* eventfulLife
      const text = yield* scrape
      const value = (name: string, labels: Readonly<Record<string, string>> = {}) => sampled(text, name, labels)
      assert.strictEqual(value(`${CONNECTION}_max`), 2)
      assert.strictEqual(value(`${CONNECTION}_idle_min`), 1)
      assert.strictEqual(
        value(`${CONNECTION}_count`),
        value(`${CONNECTION}_count`, { db_client_connection_state: "idle" })
      )
      assert.strictEqual(value(`${CONNECTION}_timeouts_total`), 1)
      assert.strictEqual(value(`${SESSION}_acquires_total`, { outcome: "timeout" }), 1)
      assert.strictEqual(value(`${SESSION}_closes_total`, { reason: "lost" }), 2)
      assert.strictEqual(value(`${CONNECTION}_create_time_seconds_count`), 3)
      assert.strictEqual(value(`${SESSION}_dial_phase_duration_seconds_count`, { phase: "tcp" }), 3)
      assert.strictEqual(value(`${SESSION}_detection_duration_seconds_count`), 2)
      assert.strictEqual(value(`${SESSION}_recovery_duration_seconds_count`), 1)
      assert.strictEqual(value(`${SESSION}_ready`), 1)
      assert.strictEqual(value(`${SESSION}_server_max`), 100)
      assert.isAbove(value(`${CONNECTION}_use_time_seconds_count`) ?? 0, 3)
    }).pipe(Effect.scoped, isolated)
  )

  it.effect("times statements by operation, and failures by their SQLSTATE", () =>
    Effect.gen(function* () {
      const { pool, scrape, sql } = yield* measured({ pool: { min: 1, max: 1 } })
      yield* sql`select pg_sleep(0.02)`
      yield* sql`select 2`
      yield* Effect.exit(sql`select * from nowhere`)
      yield* Effect.exit(Effect.timeout(sql`select pg_sleep(30)`, "50 millis"))
      yield* Effect.forEach([1, 2, 3], () =>
        pool.use((session) => session.executeUnprepared("show port", [], undefined))
      )
      const text = yield* scrape
      const common = { db_system_name: "postgresql", db_namespace: pool.endpoint.database, server_address: "127.0.0.1" }
      const counts = samplesOf(text)
        .filter(({ name }) => name === OPERATION)
        .map(({ labels, value }) => {
          assert.deepInclude(labels, common)
          return [labels["db_operation_name"], labels["error_type"], labels["db_response_status_code"], value]
        })
      assert.deepStrictEqual(counts, [
        ["SELECT", undefined, undefined, 2],
        ["SELECT", "42P01", "42P01", 1],
        ["SELECT", "interrupted", undefined, 1],
        ["SHOW", undefined, undefined, 3]
      ])
      const select = { db_operation_name: "SELECT", db_response_status_code: "" }
      assert.isUndefined(sampled(text, OPERATION, select))
      const first = samplesOf(text).find(({ name }) => name === "db_client_operation_duration_seconds_sum")
      assert.isAtLeast(first!.value, 0.02)
      assert.isBelow(first!.value, 30)
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("shows a transaction's statements that are under way together as long as each took", () =>
    Effect.gen(function* () {
      const { pool, scrape } = yield* measured({ pool: { min: 1, max: 1 } })
      yield* pool.use((session) =>
        Effect.all([session.executeValues("select pg_sleep(0.1)", []), session.executeValues("show port", [])], {
          concurrency: 2
        })
      )
      const sum = sampled(yield* scrape, "db_client_operation_duration_seconds_sum", { db_operation_name: "SHOW" })
      assert.isAtLeast(sum ?? 0, 0.09, "it waited for the one before it")
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("shows nothing that the documentation does not name, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const registry: Context.Service.Shape<typeof Metric.MetricRegistry> = new Map()
      yield* Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { scrape } = yield* Scope.provide(eventfulLife, scope)
        const text = yield* scrape
        const known = new Set(allMetrics.map(({ prometheus }) => prometheus))
        const shown = new Set(Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name!))
        assert.isAbove(shown.size, 30)
        for (const name of shown) assert.isTrue(known.has(name), name)
        for (const { attributes } of registry.values()) {
          assert.notInclude(Object.keys(attributes ?? {}), "unit")
          assert.isString(attributes?.["unit"])
        }
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
      assert.strictEqual(registry.size, 0)
    })
  )
})

withPromtool("/metrics as promtool sees it", () => {
  layer(TestPostgres.layer, { excludeTestServices: true })((it) => {
    it.effect("accepts the text without a complaint", () =>
      Effect.gen(function* () {
        const { scrape } = yield* eventfulLife
        promtool(["check", "metrics"], yield* scrape)
      }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
    )
  })
})
