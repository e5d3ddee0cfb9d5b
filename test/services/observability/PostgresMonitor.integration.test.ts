import { assert, layer } from "@effect/vitest"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { Advisor } from "../../../src/services/observability/Advisor.ts"
import { countOf, waitingOnLock } from "../../../src/services/observability/monitor/DatabaseView.ts"
import { PostgresMonitor } from "../../../src/services/observability/PostgresMonitor.ts"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import { SessionConfig } from "../../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { FaultMode, FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { until, untilPool } from "../../PoolHarness.ts"
import { stopped, timed } from "../../Timing.ts"

const quiet = Logger.layer([])

/** A monitor that is refreshed by the test, with its own pool. */
const watching = (settings: SettingsInput) =>
  Effect.map(
    Layer.build(
      Advisor.layer.pipe(
        Layer.provideMerge(PostgresMonitor.layer),
        Layer.provideMerge(SessionPool.layer),
        Layer.provideMerge(SessionConfig.layer({ monitorInterval: 0, pool: { min: 2, max: 2 }, ...settings })),
        Layer.provide(quiet)
      )
    ),
    (context) => ({
      review: Effect.provide(Context.get(context, Advisor).refresh, quiet),
      monitor: Context.get(context, PostgresMonitor),
      pool: Context.get(context, SessionPool)
    })
  )

/** Another client of the same server. */
const client = (url: Redacted.Redacted<string>, applicationName: string) => PgConnection.make({ url, applicationName })

layer(TestPostgres.layer, { excludeTestServices: true })("PostgresMonitor on a real server", (it) => {
  it.effect("counts connections by owner and state, and lists the oldest, the longest and the limits", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { monitor, pool } = yield* watching({ url: postgres.url, applicationName: "monitored" })
      yield* client(postgres.url, "Supavisor")
      const worker = yield* client(postgres.url, "worker")
      yield* worker.query("begin", [], false)
      const slow = yield* client(postgres.url, "slow")
      yield* Effect.forkChild(slow.query("select pg_sleep(20)", [], false), { startImmediately: true })
      yield* untilPool(pool, "both sessions are open", ({ open }) => open === 2)
      const pids = (yield* pool.sessions).map(({ backendPid }) => backendPid)
      yield* until(
        "the slow statement runs",
        Effect.map(monitor.refresh, ({ view }) => view?.longestQuery?.application === "slow")
      )
      const { restriction, problem, view } = yield* monitor.refresh
      assert.deepStrictEqual([problem, restriction], [undefined, undefined])
      assert.deepInclude(view, { maxConnections: 100, reservedConnections: 3, hidden: 0, role: "postgres" })
      assert.strictEqual(countOf(view!, { owner: "ours", state: "idle" }), 2, "the monitor's session is idle otherwise")
      assert.strictEqual(countOf(view!, { owner: "ours" }), 2)
      assert.strictEqual(countOf(view!, { owner: "pooler", state: "idle" }), 1)
      assert.strictEqual(countOf(view!, { owner: "others", state: "idle in transaction" }), 1)
      assert.strictEqual(countOf(view!, { owner: "others", state: "active" }), 1)
      assert.include(pids, view?.oldestOurs?.pid)
      assert.strictEqual(view?.longestTransaction?.application, "worker")
      assert.deepStrictEqual(
        view?.idleInTransaction.map(({ application, user }) => [application, user]),
        [["worker", "postgres"]]
      )
      assert.isAtLeast(view!.oldest!.millis, view!.oldestOurs!.millis)
      assert.notInclude(JSON.stringify(view), "pg_sleep", "no statement is read")
    }).pipe(Effect.scoped)
  )

  it.effect("finds blocked and blocking connections, and the advice names the blockers", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { url } = yield* postgres.freshDatabase
      const { monitor, pool, review } = yield* watching({ url, applicationName: "monitored" })
      yield* untilPool(pool, "both sessions are open", ({ open }) => open === 2)
      const front = yield* client(url, "front")
      yield* front.query("create table t (n int)", [], false)
      yield* front.query("insert into t values (1)", [], false)
      yield* front.query("begin", [], false)
      yield* front.query("update t set n = 2", [], false)
      const waiting = yield* Effect.forkChild(
        pool.use((session) => session.executeRaw("update t set n = 3", [])),
        { startImmediately: true }
      )
      yield* until(
        "the update waits",
        Effect.map(monitor.refresh, ({ view }) => view !== undefined && waitingOnLock(view) === 1)
      )
      const [blocked] = (yield* monitor.current).view!.blocked
      assert.deepInclude(blocked, { owner: "ours", byPrepared: false })
      assert.deepStrictEqual(
        blocked?.blockers.map(({ application, state }) => [application, state]),
        [["front", "idle in transaction"]]
      )
      yield* until(
        "it has waited for too long",
        Effect.map(monitor.refresh, ({ view }) => (view?.blocked[0]?.millis ?? 0) >= 5000)
      )
      const finding = (yield* review).find(({ id }) => id === "idle-in-transaction")
      assert.strictEqual(finding?.severity, "critical")
      assert.include(finding?.detail, "of another client (front), role postgres, which blocks others")
      yield* front.query("commit", [], false)
      yield* Fiber.join(waiting)
      yield* until(
        "no connection waits",
        Effect.map(monitor.refresh, ({ view }) => view !== undefined && waitingOnLock(view) === 0)
      )
      assert.notInclude(
        (yield* review).map(({ id }) => id),
        "idle-in-transaction"
      )
    }).pipe(Effect.scoped)
  )

  it.effect(
    "counts connections that an ordinary role may not see, reports them, and works without pg_blocking_pids",
    () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        const database = yield* postgres.freshDatabase
        const owner = yield* client(database.url, "owner")
        yield* postgres.admin("create role curious login password 'curious-password'")
        yield* Effect.addFinalizer(() => Effect.ignore(postgres.admin("drop role curious")))
        const url = new URL(Redacted.value(database.url))
        url.username = "curious"
        url.password = "curious-password"
        const { monitor, review } = yield* watching({ url: url.href, applicationName: "monitored" })
        const { restriction, problem, view } = yield* monitor.refresh
        assert.isUndefined(problem)
        assert.isAtLeast(view!.hidden, 1)
        assert.strictEqual(countOf(view!, { state: "unknown" }), view!.hidden)
        assert.include(restriction, "The role curious may not see the state")
        assert.include(
          (yield* review).map(({ id }) => id),
          "monitor-restricted"
        )
        yield* owner.query("revoke execute on function pg_blocking_pids(int) from public", [], false)
        yield* owner.query("begin", [], false)
        const restricted = yield* monitor.refresh
        assert.isUndefined(restricted.problem)
        assert.include(restricted.restriction, "which connections block others")
        yield* postgres.admin("grant pg_read_all_stats to curious")
        const granted = yield* monitor.refresh
        assert.strictEqual(granted.view?.hidden, 0)
        assert.strictEqual(granted.view?.idleInTransaction[0]?.application, "owner")
      }).pipe(Effect.scoped)
  )

  it.effect(
    "gives up on a silent peer within its bound",
    () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
        const { monitor } = yield* watching({ url: proxy.urlThrough(postgres.url) })
        yield* proxy.setMode(FaultMode.blackhole())
        const [millis, { problem }] = yield* stopped(monitor.refresh)
        assert.include(problem, "no answer within 5 s")
        assert.isBelow(millis, 5250)
        yield* proxy.setMode(FaultMode.pass)
      }).pipe(Effect.scoped),
    timed
  )
})
