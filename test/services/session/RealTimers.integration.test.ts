/** Real sessions under `TestClock`, the default of `@effect/vitest`: no test advances time, and nothing waits for it. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as SupavisorLayer from "../../../src/layers/SupavisorLayer.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { isGap } from "../../../src/services/sql/Listener.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt, stack } from "../../PoolHarness.ts"

/** An application's layer, as its tests would use it. */
const Database = Layer.unwrap(
  Effect.map(TestPostgres, ({ url }) =>
    Layer.orDie(SupavisorLayer.layer({ url, pool: { min: 1, max: 1 }, shutdownTimeout: "2 seconds" }))
  )
).pipe(Layer.provideMerge(TestPostgres.layer))

/** Ends when the server runs a statement that contains the text. */
const untilRunning = (text: string) =>
  Effect.gen(function* () {
    const { admin } = yield* TestPostgres
    const running = Effect.orDie(
      admin("select 1 from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()", [
        `%${text}%`
      ])
    )
    while ((yield* running).length === 0) continue
  })

layer(Database)("real sessions under TestClock", (it) => {
  it.effect("uses the session of an interrupted statement again", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient
      const [before] = yield* sql`select pg_backend_pid() as pid`
      const left = yield* Effect.forkChild(sql`select pg_sleep(60)`, { startImmediately: true })
      yield* untilRunning("pg_sleep(60)")
      yield* Fiber.interrupt(left)
      assert.deepStrictEqual(yield* sql`select pg_backend_pid() as pid`, [before!])
    })
  )

  it.effect("rolls an interrupted transaction back and uses its session again", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient
      const work = Effect.andThen(sql`create table left_behind (n int)`, sql`select pg_sleep(61)`)
      const left = yield* Effect.forkChild(sql.withTransaction(work), { startImmediately: true })
      yield* untilRunning("pg_sleep(61)")
      yield* Fiber.interrupt(left)
      assert.deepStrictEqual(yield* sql`select to_regclass('left_behind') as gone`, [{ gone: null }])
    })
  )

  it.effect("measures time on the clock of its sessions", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.execute("select pg_sleep(0.01)")
      const [session] = yield* pool.sessions
      assert.isAtLeast(session!.ageMillis, 9)
    })
  )
})

layer(TestPostgres.layer)("a pool of real sessions under TestClock", (it) => {
  it.effect("closes a pool whose statement still runs", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const scope = yield* Scope.make()
      const settings = { url, pool: { min: 1, max: 1 }, shutdownTimeout: "1 second" } as const
      const { sql } = yield* Scope.provide(poolAt(settings), scope)
      const left = yield* Effect.forkChild(Effect.exit(sql`select pg_sleep(62)`), { startImmediately: true })
      yield* untilRunning("pg_sleep(62)")
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(left)))
    })
  )

  it.effect("refuses a caller whose acquire timeout has passed", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const { pool } = yield* poolAt({ url, pool: { min: 1, max: 1, acquireTimeout: "100 millis" } })
      const refused = yield* pool.use(() => Effect.flip(pool.execute("select 1")))
      assert.strictEqual(refused.reason._tag, "ConnectionError")
    })
  )

  it.effect("probes a listening session and listens again when its peer is silent", () =>
    Effect.gen(function* () {
      const { listener, proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, healthCheckInterval: "50 millis" })
      const queue = yield* listener.listen("news")
      for (const connection of proxy.connections()) connection.blackhole()
      const gap = yield* Queue.take(queue)
      assert.include(isGap(gap) && gap.gap.reason.message, "did not answer a probe")
      yield* sql.notify("news", "again")
      const next = yield* Queue.take(queue)
      assert.strictEqual(isGap(next) || next.payload, "again")
    })
  )
})
