import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { isGap } from "../../../src/services/sql/Listener.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, untilPool } from "../../PoolHarness.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("listening", (it) => {
  it.effect("shares one session among all channels, and releases it with the last listener", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 4 } })
      const scope = yield* Scope.make()
      const queues = yield* Effect.forEach(["a", "b", "c"], (channel) => Scope.provide(sql.listen(channel), scope))
      yield* untilPool(pool, "one session is used", (s) => s.used === 1)
      for (const channel of ["a", "b", "c"]) yield* sql.notify(channel, `to ${channel}`)
      const received = yield* Effect.forEach(queues, (queue) => Queue.take(queue))
      assert.deepStrictEqual(
        received.map((n) => [n.channel, n.payload]),
        [
          ["a", "to a"],
          ["b", "to b"],
          ["c", "to c"]
        ]
      )
      yield* Scope.close(scope, Exit.void)
      yield* untilPool(pool, "the session is back", (s) => s.used === 0)
      const rows = yield* sql`select count(*)::int as n from pg_listening_channels()`
      assert.deepStrictEqual(rows, [{ n: 0 }])
    })
  )

  it.effect("delivers to every listener of a channel", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 2 } })
      const first = yield* sql.listen("shared")
      const second = yield* sql.listen("shared")
      yield* sql.notify("shared", "hello")
      assert.strictEqual((yield* Queue.take(first)).payload, "hello")
      assert.strictEqual((yield* Queue.take(second)).payload, "hello")
    })
  )

  it.effect("continues after the session was lost, and reports that notifications may be missing", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 3 } })
      const queue = yield* sql.listen("news")
      yield* sql.notify("news", "before")
      assert.strictEqual((yield* Queue.take(queue)).payload, "before")
      yield* proxy.cutAll("reset")
      const gap = yield* Queue.take(queue)
      assert.isTrue(isGap(gap))
      assert.strictEqual(gap.processId, 0)
      yield* sql.notify("news", "after")
      const next = yield* Queue.take(queue)
      assert.isFalse(isGap(next))
      assert.strictEqual(next.payload, "after")
    })
  )

  it.effect("is no leak, however long it lasts", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 2, leakThreshold: 20 } })
      yield* sql.listen("long")
      yield* Effect.scoped(
        Effect.andThen(
          sql.reserve,
          untilPool(pool, "the other lease is reported", (s) => s.counters.leaksSuspected > 0)
        )
      )
      assert.strictEqual((yield* pool.snapshot).counters.leaksSuspected, 1)
    })
  )

  it.effect("refuses a channel name that cannot be one", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const error = yield* Effect.flip(Effect.scoped(sql.listen("")))
      assert.strictEqual(error._tag, "SqlError")
    })
  )
})
