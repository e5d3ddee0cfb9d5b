import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { DatabaseView } from "../../../src/services/observability/monitor/DatabaseView.ts"
import { PostgresMonitor } from "../../../src/services/observability/PostgresMonitor.ts"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { type Answer, ScriptedSessions, serverError } from "../../../src/testing/ScriptedSessions.ts"
import { backend, databaseView } from "./advice/AdvisorFixtures.ts"

const activity = /from pg_stat_activity/

/** A monitor over scripted sessions with a variable answer. */
const monitored = Effect.fnUntraced(function* (settings: SettingsInput = {}) {
  const script: { answer: Answer; queries: Array<string> } = { answer: [], queries: [] }
  const sees = (changes: Partial<DatabaseView> = {}) => {
    script.answer = [{ view: JSON.stringify(databaseView(changes)) }]
  }
  sees()
  const statements: ReadonlyArray<readonly [RegExp, Answer]> = [
    [
      activity,
      (params, { sql }) => {
        script.queries.push(sql)
        assert.deepStrictEqual(params, ["effect-supavisor"])
        return Effect.isEffect(script.answer) ? script.answer : Effect.succeed(script.answer as never)
      }
    ]
  ]
  const context = yield* Layer.build(
    PostgresMonitor.layer.pipe(
      Layer.provideMerge(
        ScriptedSessions.layerPool({ statements }, { startup: "tolerant", ...settings, pool: { min: 1, max: 2 } })
      )
    )
  )
  yield* TestClock.adjust(0)
  return { monitor: Context.get(context, PostgresMonitor), pool: Context.get(context, SessionPool), script, sees }
})

const gauges = Effect.map(Metric.snapshot, (metrics) =>
  metrics.filter(({ id }) => id.startsWith("db.client.connection.session.database."))
)

/** Everything the tests measure stays in a registry of their own. */
const isolated = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(effect, Metric.MetricRegistry, new Map()))

describe("PostgresMonitor", () => {
  it.effect("queries at once and then every interval, a fifth more or less", () =>
    Effect.gen(function* () {
      const { monitor, script } = yield* monitored()
      assert.strictEqual(script.queries.length, 1)
      assert.deepStrictEqual((yield* monitor.current).view, databaseView())
      yield* TestClock.adjust("23 seconds")
      assert.strictEqual(script.queries.length, 1)
      yield* TestClock.adjust("14 seconds")
      assert.strictEqual(script.queries.length, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("does not query when the interval is 0, reports it, and queries on refresh", () =>
    Effect.gen(function* () {
      const { monitor, script } = yield* monitored({ monitorInterval: 0 })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(script.queries.length, 0)
      assert.include((yield* monitor.current).problem, "DB_MONITOR_INTERVAL")
      assert.deepStrictEqual((yield* monitor.refresh).view, databaseView())
    }).pipe(Effect.scoped)
  )

  it.effect("uses no session while all are in use, and queries soon after one is idle", () =>
    Effect.gen(function* () {
      const { monitor, pool, script } = yield* monitored()
      yield* TestClock.adjust("1 second")
      const held = yield* Effect.forkChild(
        Effect.all([pool.use(() => Effect.sleep("2 minutes")), pool.use(() => Effect.sleep("2 minutes"))], {
          concurrency: 2
        })
      )
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(script.queries.length, 1)
      const { problem, view } = yield* monitor.current
      assert.include(problem, "No session was idle")
      assert.isDefined(view, "the last result is still valid")
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined((yield* monitor.current).view, "a result that is too old is dropped")
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(held)
      assert.strictEqual(script.queries.length, 2)
      assert.isUndefined((yield* monitor.current).problem)
    }).pipe(Effect.scoped)
  )

  it.effect("does not keep unused sessions from being closed", () =>
    Effect.gen(function* () {
      const { pool, script } = yield* monitored()
      const hold = pool.use(() => Effect.sleep("1 second"))
      const held = yield* Effect.forkChild(Effect.all([hold, hold], { concurrency: 2 }))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(held)
      assert.strictEqual((yield* pool.snapshot).open, 2)
      yield* TestClock.adjust("6 minutes")
      assert.strictEqual((yield* pool.snapshot).open, 1)
      assert.isAtLeast(script.queries.length, 5)
    }).pipe(Effect.scoped)
  )

  it.effect("gives up after five seconds and continues with the next query", () =>
    Effect.gen(function* () {
      const { monitor, script, sees } = yield* monitored()
      script.answer = Effect.never
      const looking = yield* Effect.forkChild(monitor.refresh)
      yield* TestClock.adjust("6 seconds")
      assert.include((yield* Fiber.join(looking)).problem, "no answer within 5 s")
      sees({ hidden: 1 })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* monitor.current).view?.hidden, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("continues after a defect and after an invalid result", () =>
    Effect.gen(function* () {
      const { monitor, script, sees } = yield* monitored()
      script.answer = Effect.die(new Error("a bug"))
      yield* TestClock.adjust("40 seconds")
      script.answer = [{ view: `{"maxConnections":"many"}` }]
      assert.include((yield* monitor.refresh).problem, "unexpected form")
      sees({ maxConnections: 60 })
      yield* TestClock.adjust("40 seconds")
      const { problem, view } = yield* monitor.current
      assert.deepStrictEqual([problem, view?.maxConnections], [undefined, 60])
    }).pipe(Effect.scoped)
  )

  it.effect("reports what it may not see, and works without it", () =>
    Effect.gen(function* () {
      const { monitor, script, sees } = yield* monitored()
      sees({ hidden: 4, role: "agent" })
      assert.include(
        (yield* monitor.refresh).restriction,
        "agent may not see the state and age of 4 connections of other roles"
      )
      script.answer = Effect.suspend(() =>
        script.queries.at(-1)!.includes("pg_blocking_pids")
          ? Effect.fail(serverError("42501", "permission denied for function pg_blocking_pids"))
          : Effect.succeed([{ view: JSON.stringify(databaseView({ canSeeBlocking: false })) }])
      )
      const { restriction, problem } = yield* monitor.refresh
      assert.isUndefined(problem)
      assert.include(restriction, "which connections block others")
      const before = script.queries.length
      yield* monitor.refresh
      assert.strictEqual(script.queries.length, before + 1, "it does not query it again")
    }).pipe(Effect.scoped)
  )

  it.effect("shows no secret that is used as a name", () =>
    Effect.gen(function* () {
      const { monitor, sees } = yield* monitored({ username: "app", password: "geh@im-nis" })
      sees({ oldest: backend(1, { application: "postgres://app:geh%40im-nis@db/shop" }) })
      assert.notMatch(JSON.stringify(yield* monitor.refresh), /geh(@|%40)im-nis/)
    }).pipe(Effect.scoped)
  )

  it.effect("streams new observations, and a pool that stays busy once only", () =>
    Effect.gen(function* () {
      const { monitor, pool, sees } = yield* monitored()
      const seen: Array<string | undefined> = []
      yield* Effect.forkScoped(
        Stream.runForEach(monitor.changes, ({ problem }) => Effect.sync(() => seen.push(problem)))
      )
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(seen, [undefined])
      sees({ hidden: 1 })
      yield* monitor.refresh
      const hold = pool.use(() => Effect.sleep("20 seconds"))
      const held = yield* Effect.forkChild(Effect.all([hold, hold], { concurrency: 2 }))
      yield* TestClock.adjust(0)
      for (let n = 0; n < 3; n++) yield* monitor.refresh
      yield* TestClock.adjust(0)
      assert.strictEqual(seen.length, 3)
      assert.include(seen[2], "No session was idle")
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(held)
    }).pipe(Effect.scoped)
  )

  it.effect("shows gauges while there is a result, and removes them at its end", () =>
    isolated(
      Effect.gen(function* () {
        yield* Effect.gen(function* () {
          const { monitor, sees } = yield* monitored()
          sees({
            counts: [{ owner: "pooler", state: "idle", count: 7, waitingOnLock: 2 }],
            oldestOurs: backend(1, { millis: 90_000 })
          })
          yield* monitor.refresh
          const shown = new Map(
            (yield* gauges).map(({ attributes, id, state }) => [
              `${id}/${attributes?.["owner"] ?? ""}/${attributes?.["state"] ?? ""}`,
              "value" in state ? Number(state.value) : undefined
            ])
          )
          const prefix = "db.client.connection.session.database"
          assert.strictEqual(shown.get(`${prefix}.count/pooler/idle`), 7)
          assert.strictEqual(shown.get(`${prefix}.count/ours/active`), 0)
          assert.strictEqual(shown.get(`${prefix}.usable//`), 97)
          assert.strictEqual(shown.get(`${prefix}.lock_waits//`), 2)
          assert.strictEqual(shown.get(`${prefix}.oldest//`), 90)
        }).pipe(Effect.scoped)
        assert.deepStrictEqual(yield* gauges, [])
      })
    )
  )
})
