import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Random from "effect/Random"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { backends, stack, until, untilPool } from "../../PoolHarness.ts"
import { elapsed, timed } from "../../Timing.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("a pool on a real server", (it) => {
  it.effect(
    "runs 10 000 queries of 1 000 fibers on 10 sessions in first-in, first-out order, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { pool, proxy, sql } = yield* Scope.provide(stack({ pool: { min: 0, max: 10 } }), scope)
        const order: Array<number> = []
        const answers = yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, fiber) => fiber),
          (fiber) =>
            Effect.forEach(
              Array.from({ length: 10 }, (_, n) => n),
              (n) =>
                pool.use((session) => {
                  if (n === 0) order.push(fiber)
                  return Effect.map(session.executeRaw("select $1::int as n", [fiber * 10 + n]), (r) => r.rows[0]!["n"])
                })
            ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          answers.flat(),
          Array.from({ length: 10_000 }, (_, n) => n)
        )
        assert.deepStrictEqual(
          order,
          order.toSorted((a, b) => a - b)
        )
        assert.isAtMost(proxy.maxOpen(), 10)
        assert.strictEqual((yield* sql`select 1 as one`)[0]!["one"], 1)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(proxy.open(), 0)
        yield* until(
          "no backend is left",
          Effect.map(backends, (pids) => pids.length === 0)
        )
      })
  )

  it.effect("replaces every session under full load without ever exceeding max", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ pool: { min: 4, max: 4, maxLifetime: 300 } })
      const before = yield* untilPool(pool, "4 sessions are open", (s) => s.open === 4).pipe(Effect.andThen(backends))
      const load = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 8 }), () => Effect.forever(sql`select pg_sleep(0.002)`), {
          concurrency: "unbounded"
        })
      )
      yield* until(
        "all four were replaced",
        Effect.map(backends, (pids) => pids.length > 0 && pids.every((pid) => !before.includes(pid)))
      )
      assert.isUndefined(load.pollUnsafe(), "no caller saw an error")
      yield* Fiber.interrupt(load)
      assert.isAtMost(proxy.maxOpen(), 4)
      assert.isAtLeast((yield* pool.snapshot).counters.closed.lifetime, 4)
    })
  )

  it.effect(
    "restores min after the server was restarted, and the first query then succeeds",
    () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        const { pool, sql } = yield* stack({ pool: { min: 3, max: 10 } })
        yield* untilPool(pool, "min sessions are open", (s) => s.open === 3)
        let concurrent = 0
        const watch = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(
              Effect.sleep(1),
              Effect.map(pool.snapshot, (s) => {
                concurrent = Math.max(concurrent, s.connecting)
              })
            )
          )
        )
        yield* postgres.restart
        const isBack = untilPool(pool, "min is back", (s) => s.open >= 3 && s.counters.closed.lost >= 3)
        assert.isBelow(yield* elapsed(isBack), 4000)
        assert.strictEqual((yield* sql`select 1 as one`)[0]!["one"], 1)
        yield* Fiber.interrupt(watch)
        assert.isAtMost(concurrent, 3)
      }),
    timed
  )

  it.effect("grows to at most 8 sessions for a spike of 50 short queries when connecting is slow", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ pool: { min: 5, max: 50 } })
      yield* untilPool(pool, "min sessions are open", (s) => s.open === 5)
      yield* proxy.setMode(FaultMode.delay({ toServerMillis: 0, toClientMillis: 30 }), { existing: false })
      yield* Effect.forEach(Array.from({ length: 50 }), () => sql`select pg_sleep(0.002)`, {
        concurrency: "unbounded"
      })
      yield* untilPool(pool, "dials under way have landed", (s) => s.connecting === 0)
      assert.isAtMost((yield* pool.snapshot).open, 8)
    })
  )

  it.effect("loses no session to callers that are interrupted at random points", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 0, max: 4 } })
      const impatient = Effect.gen(function* () {
        const patience = yield* Random.nextIntBetween(0, 12)
        yield* Effect.ignore(Effect.timeout(sql`select pg_sleep(0.005)`, patience))
      })
      yield* Effect.forEach(Array.from({ length: 600 }), () => impatient, { concurrency: 40, discard: true })
      yield* untilPool(pool, "all is quiet", (s) => s.used === 0 && s.waiting === 0 && s.closing === 0)
      assert.isAtMost((yield* backends).length, 4)
      yield* Effect.forEach(
        Array.from({ length: 20 }),
        (_, n) => Effect.map(sql`select ${n}::int as n`, (rows) => assert.strictEqual(rows[0]!["n"], n)),
        { concurrency: 8 }
      )
    })
  )

  it.effect("cancels the statement of an interrupted caller on the server, too", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 2 } })
      yield* Effect.ignore(Effect.timeout(sql`select pg_sleep(60) as mark`, 100))
      yield* until(
        "the statement is gone",
        Effect.map(
          Effect.orDie(
            postgres.admin(
              "select 1 from pg_stat_activity where query like '%as mark%' and state = 'active' and pid <> pg_backend_pid()"
            )
          ),
          (rows) => rows.length === 0
        )
      )
      yield* untilPool(pool, "the session is idle again", (s) => s.used === 0)
      const { closed } = (yield* pool.snapshot).counters
      assert.strictEqual(closed.lost + closed["not-recovered"], 0)
    })
  )
})
