import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt, until, untilPool } from "../../PoolHarness.ts"
import { startFake } from "./fake-supavisor/StartFake.ts"
import { elapsed, timed } from "../../Timing.ts"

/** 200 queries of 20 ms on 5 backends: 0.8 s of work for each. */
const QUERIES = 200
const IDEAL_MILLIS = 800

layer(TestPostgres.layer, { excludeTestServices: true })("our pool behind FakeSupavisor", (it) => {
  it.effect(
    "completes all of 200 queries of 20 ms with max 10 at pool_size 5",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ poolSize: 5 })
        const { pool, sql } = yield* poolAt({ url: fake.url(), pool: { min: 1, max: 10 } })
        yield* untilPool(pool, "min stands", (s) => s.open === 1)
        const answers: Array<unknown> = []
        const millis = yield* elapsed(
          Effect.forEach(
            Array.from({ length: QUERIES }),
            () => Effect.map(sql`select 1 as one, pg_sleep(0.02)::text`, (rows) => answers.push(rows[0]?.["one"])),
            { concurrency: "unbounded" }
          )
        )
        console.log(
          `${QUERIES} queries of 20 ms, max 10 at pool_size 5: ${Math.round(millis)} ms, ideal ${IDEAL_MILLIS}`
        )
        assert.deepStrictEqual(
          answers,
          Array.from({ length: QUERIES }, () => 1)
        )
        assert.strictEqual(fake.maxClients(), 5)
        assert.isBelow(millis, 2 * IDEAL_MILLIS)
      }),
    timed
  )

  it.effect("keeps its settings and its application_name although the pooler drops them", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const { sql } = yield* poolAt({ url: fake.url(), pool: { min: 1, max: 1 }, statementTimeout: "7 seconds" })
      const rows = yield* sql`select current_setting('application_name') as name,
        current_setting('statement_timeout') as statement, pg_backend_pid() as pid`
      assert.deepStrictEqual(rows, [{ name: "pool-under-test", statement: "7s", pid: fake.clients()[0]?.backendPid }])
      assert.strictEqual(fake.clients()[0]?.applicationName, "pool-under-test")
    })
  )

  it.effect("disconnects with Terminate only, so that its backends serve the next sessions", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const postgres = yield* TestPostgres
      const pids = Effect.scoped(
        Effect.gen(function* () {
          const { pool } = yield* poolAt({ url: fake.url(), pool: { min: 3, max: 3 } })
          yield* untilPool(pool, "three stand", (s) => s.open === 3)
          return fake.clients().map((client) => client.backendPid)
        })
      )
      yield* pids
      yield* fake.awaitClients(0)
      yield* until(
        "all are clean",
        Effect.sync(() => fake.counters().discards === fake.counters().logins)
      )
      const resting = yield* postgres.admin("select pid from pg_stat_activity where application_name = 'Supavisor'")
      const second = yield* pids
      assert.includeMembers(
        resting.map((row) => row["pid"]),
        second
      )
      assert.strictEqual(second.length, 3)
      assert.strictEqual(fake.counters().abandoned, 0)
    })
  )

  it.effect(
    "recovers by itself after the pooler drained its pools, and after it closed without a message",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: 0.1 })
        const { pool, sql } = yield* poolAt({ url: fake.url(), pool: { min: 3, max: 5 } })
        for (const fault of [fake.drain, fake.closeAll]) {
          yield* untilPool(pool, "min stands", (s) => s.open >= 3)
          const { lost } = (yield* pool.snapshot).counters.closed
          yield* fault
          yield* untilPool(pool, "the sessions were lost", (s) => s.counters.closed.lost >= lost + 3)
          yield* untilPool(pool, "min is back", (s) => s.open >= 3)
          assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
        }
      }),
    timed
  )

  it.effect("works through a fault proxy in front of the pooler, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const proxy = yield* FaultProxy.make({ target: { host: fake.host, port: fake.sessionPort } })
      const scope = yield* Scope.make()
      const { sql } = yield* poolAt({ url: proxy.urlThrough(fake.url()), pool: { min: 1, max: 2 } }).pipe(
        Scope.provide(scope)
      )
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      yield* Scope.close(scope, Exit.void)
      yield* fake.awaitClients(0)
    })
  )
})
