import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { checkIds, InspectorError } from "../../../../src/services/inspect/Inspector.ts"
import { FakeSupavisor } from "../../../../src/services/embedded/FakeSupavisor.ts"
import { FaultMode, FaultProxy } from "../../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { until } from "../../../PoolHarness.ts"
import { runCheck, client, serverWithStatistics, inspect, rowWith } from "./TestInspector.ts"
import { stopped, timed } from "../../../Timing.ts"

/** The server's URL with another role. */
const as = (url: Redacted.Redacted<string>, role: string, password: string): Redacted.Redacted<string> => {
  const place = new URL(Redacted.value(url))
  place.username = role
  place.password = password
  return Redacted.make(place.href)
}

layer(serverWithStatistics, { excludeTestServices: true })("An inspector", (it) => {
  it.effect("works for a role without privileges, and names what it could not see and the grant for it", () =>
    Effect.gen(function* () {
      const { admin, freshDatabase } = yield* TestPostgres
      const { url } = yield* freshDatabase
      const owner = yield* client(url, "owner")
      yield* owner.run("create extension pg_stat_statements")
      yield* owner.run("create table orders (id int primary key)")
      yield* owner.run("insert into orders values (1)")
      yield* owner.run("begin")
      yield* owner.run("update orders set id = 2")
      const second = yield* client(url, "second")
      yield* Effect.forkChild(second.run("update orders set id = 3"))
      yield* admin(`create role "Plain Role" login password 'pl4in-s3cret'`)
      const plain = as(url, "Plain%20Role", "pl4in-s3cret")
      yield* until(
        "the second one waits",
        Effect.map(Effect.orDie(runCheck({ url: plain }, "blocking")), ({ rows }) => rows.length === 1)
      )
      const found = yield* inspect({ url: plain }, checkIds)
      assert.deepStrictEqual(
        found.filter(({ status }) => status !== "answered").map(({ check, reason }) => [check, reason]),
        []
      )
      const of = (name: string) => found.find(({ check }) => check === name)!
      assert.deepInclude(rowWith(of("activity"), "application", "owner"), { state: "hidden", role: "postgres" })
      assert.match(of("activity").unseen.join(), /may not see the state of \d+ sessions? of other roles/)
      assert.include(of("activity").unseen.join(), 'grant pg_read_all_stats to "Plain Role";')
      assert.include(
        of("idle-in-transaction").unseen.join(),
        "pg_read_all_stats",
        "an empty result does not pass the rule"
      )
      assert.deepInclude(rowWith(of("blocking"), "blockedPid", second.pid), { blockingPid: owner.pid, isFirst: true })
      assert.strictEqual(of("db-stats").rows[0]?.["walSize"], null)
      assert.include(of("db-stats").unseen.join(), "pg_monitor")
      assert.include(of("outliers").unseen.join(), "statements of other roles")
      assert.notInclude(JSON.stringify(found), "pl4in-s3cret")
    }).pipe(Effect.scoped)
  )

  it.effect("works through Supavisor, in session and in transaction mode", () =>
    Effect.gen(function* () {
      const { server } = yield* TestPostgres
      const pooler = yield* FakeSupavisor.make({ upstream: server })
      const holder = yield* client(pooler.url(), "app-of-ours")
      const session = yield* inspect({ url: pooler.url(), applicationName: "app-of-ours" }, checkIds)
      const transaction = yield* inspect(
        { url: pooler.url(undefined, { mode: "transaction" }), connectionType: "supavisor_transaction" },
        checkIds
      )
      for (const found of [session, transaction]) {
        assert.deepStrictEqual(
          found.filter(({ status }) => status === "failed").map(({ check, reason }) => [check, reason]),
          []
        )
      }
      const utilization = session.find(({ check }) => check === "pool-utilization")!
      assert.isAtLeast(Number(rowWith(utilization, "scope", "pooler")["used"]), 1)
      assert.isAbove(holder.pid, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("needs only one free session of the pooler", () =>
    Effect.gen(function* () {
      const { server } = yield* TestPostgres
      const pooler = yield* FakeSupavisor.make({ upstream: server, poolSize: 2 })
      yield* client(pooler.url(), "holder")
      const { rows } = yield* runCheck({ url: pooler.url(), pool: { min: 2, max: 2 } }, "activity")
      assert.isNotEmpty(rows)
    }).pipe(Effect.scoped)
  )

  it.effect("continues after a check that exceeds its time limit", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const owner = yield* client(url, "owner")
      yield* owner.run("create extension pg_stat_statements")
      yield* owner.run("begin")
      yield* owner.run("lock table pg_stat_statements in access exclusive mode")
      const [locks, outliers, vacuum] = yield* inspect({ url }, ["locks", "outliers", "vacuum-stats"])
      assert.deepStrictEqual([locks?.status, outliers?.status, vacuum?.status], ["answered", "failed", "answered"])
      assert.strictEqual(outliers?.reason, "A table or index that it reads is locked exclusively.")
      assert.include(outliers?.nextSteps.join(), "inspect locks")
      assert.deepStrictEqual([outliers?.rows, outliers?.empty], [[], null])
      assert.isBelow(outliers?.tookMillis ?? 0, 2000)
    }).pipe(Effect.scoped)
  )

  it.effect(
    "ends at the time limit when the server stops answering, and closes its session",
    () =>
      Effect.gen(function* () {
        const { admin, host, port, url } = yield* TestPostgres
        const proxy = yield* FaultProxy.make({ target: { host, port } })
        const through = proxy.urlThrough(url)
        for (const [statement, check] of [
          ["begin read only", "facts"],
          ["usename", "activity"]
        ] as const) {
          yield* proxy.setMode(
            FaultMode.when(FaultMode.contains(statement), FaultMode.blackhole({ closes: "forward" }))
          )
          const [millis, error] = yield* stopped(Effect.flip(runCheck({ url: through }, "activity", { timeout: 300 })))
          assert.instanceOf(error, InspectorError)
          assert.deepInclude(error, { check, detail: "No answer within 300 ms." })
          assert.isBelow(millis, 4000)
        }
        yield* until(
          "its backend has ended",
          Effect.map(
            Effect.orDie(admin("select from pg_stat_activity where application_name = 'effect-supavisor-inspect'")),
            (rows) => rows.length === 0
          )
        )
      }).pipe(Effect.scoped),
    timed
  )
})
