import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { FaultMode } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { poolAt, stack, until, untilPool } from "../PoolHarness.ts"
import { startFake } from "../services/embedded/fake-supavisor/StartFake.ts"
import { fatalAnswer } from "./FatalAnswer.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("a server or pooler in front of the pool", (it) => {
  it.effect("that grants a role few sessions serves all callers in turn with the granted ones, and none fails", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      yield* postgres.admin("create role limited login password 'limited' connection limit 3")
      const { pool } = yield* poolAt({
        host: postgres.host,
        port: postgres.port,
        username: "limited",
        password: "limited",
        database: "postgres",
        pool: { min: 1, max: 6 }
      })
      const order: Array<number> = []
      let together = 0
      let most = 0
      const caller = (n: number) =>
        pool.use((session) =>
          Effect.sync(() => {
            order.push(n)
            most = Math.max(most, ++together)
          }).pipe(
            Effect.andThen(untilPool(pool, "one was refused", (s) => s.counters.dialsFailed.capacity > 0)),
            Effect.andThen(session.executeRaw("select 1", [])),
            Effect.ensuring(Effect.sync(() => together--))
          )
        )
      const callers = Array.from({ length: 12 }, (_, n) => n)
      yield* Effect.forEach(callers, caller, { concurrency: "unbounded" })
      assert.deepStrictEqual(order, callers)
      assert.strictEqual(most, 3)
      const { ceiling, counters, lastFailure, open } = yield* pool.snapshot
      assert.deepStrictEqual({ ceiling, open, failed: counters.acquired.failed }, { ceiling: 3, open: 3, failed: 0 })
      assert.strictEqual(lastFailure?.code, "53300_ROLE")
    })
  )

  it.effect("that is full serves callers with the open session, and grants more when there is room", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ pool: { min: 1, max: 2 } })
      const full = fatalAnswer("53300", "sorry, too many clients already")
      yield* proxy.setMode(FaultMode.garbage(full), { existing: false })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* pool.get
          const second = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
          yield* untilPool(pool, "one more was refused", (s) => s.counters.dialsFailed.capacity === 1)
          assert.deepInclude(yield* pool.snapshot, { open: 1, ceiling: 1, waiting: 1 })
          yield* proxy.setMode(FaultMode.pass)
          assert.deepStrictEqual(yield* Fiber.join(second), [{ one: 1 }])
        })
      )
      assert.deepInclude(yield* pool.snapshot, { open: 2, ceiling: 2 })
    })
  )

  it.effect(
    "that sends heartbeats to idle sessions counts as alive, and the sessions are neither probed nor cleared",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ heartbeat: "40 millis" })
        const { pool, sql } = yield* poolAt({ url: fake.url(), pool: { min: 2, max: 2 } })
        yield* untilPool(pool, "min is open", (s) => s.open === 2)
        const before = fake.counters().heartbeats
        yield* until(
          "a few heartbeats came",
          Effect.sync(() => fake.counters().heartbeats >= before + 10)
        )
        yield* Effect.forEach([1, 2, 3, 4], () => sql`select 1`, { concurrency: 2 })
        const { counters, open } = yield* pool.snapshot
        assert.deepStrictEqual(
          { open, probes: counters.probes, recoveries: counters.recoveries, lost: counters.closed.lost },
          { open: 2, probes: 0, recoveries: 0, lost: 0 }
        )
      })
  )
})
