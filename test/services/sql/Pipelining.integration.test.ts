import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { exclusive } from "../../../src/services/sql/Pipelining.ts"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { backends, poolAt, type Stack, stack, until, untilPool } from "../../PoolHarness.ts"
import { behind, behindPgBouncer, pooler } from "../../pgbouncer/BehindPgBouncer.ts"
import { startFake } from "../embedded/fake-supavisor/StartFake.ts"
import { timed } from "../../Timing.ts"

const PID = "select $1::int as n, pg_backend_pid() as pid"

type Pool = Stack["pool"]

const ask = (pool: Pool, n: number) => Effect.map(pool.execute(PID, [n]), ([row]) => row as { n: number; pid: number })

/** A busy machine may take its time with the first run, which is to be quick. */
const RUNS = 6

/** Has a text known to be quick. */
const learn = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.forEach(numbers(RUNS), () => effect, { discard: true })

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** Many callers, each with a number of its own, a few rounds. */
const load = (pool: Pool, callers: number, rounds: number) =>
  Effect.gen(function* () {
    yield* learn(ask(pool, 0))
    const rows = yield* Effect.forEach(
      numbers(callers),
      (caller) => Effect.forEach(numbers(rounds), (round) => ask(pool, caller * rounds + round)),
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(
      rows.flat().map(({ n }) => n),
      numbers(callers * rounds)
    )
    return rows.flat()
  })

layer(TestPostgres.layer, { excludeTestServices: true })("statements that share sessions of a real server", (it) => {
  const shared = stack({ pool: { min: 1, max: 1, pipeline: 32 } })

  it.effect(
    "travel in few writes, and each caller gets its own answer",
    () =>
      Effect.gen(function* () {
        const { pool, proxy } = yield* shared
        yield* learn(ask(pool, 0))
        let writes = 0
        const counted = () => {
          writes++
          return 0
        }
        // As on a network: without the delay, a busy machine delivers the answers one by one.
        yield* proxy.setMode(FaultMode.delay({ toServerMillis: counted, toClientMillis: 5 }))
        yield* load(pool, 100, 10)
        // 1000 statements in batches of 32 at best; one each without sharing.
        assert.isBelow(writes, 200)
        const { counters } = yield* pool.snapshot
        assert.strictEqual(counters.acquired.immediate + counters.acquired.waited, 1000 + 2 * RUNS)
      }),
    timed
  )

  it.effect("fail independently, also when a text is refused before its first run", () =>
    Effect.gen(function* () {
      const { pool } = yield* shared
      const divide = (by: number) => Effect.exit(pool.execute("select 6 / $1::int as n", [by]))
      yield* learn(divide(1))
      const exits = yield* Effect.all([1, 0, 2, 0, 3].map(divide), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        exits.map((exit) => (Exit.isSuccess(exit) ? exit.value[0]?.["n"] : exit._tag)),
        [6, "Failure", 3, "Failure", 2]
      )
      const mixed = yield* Effect.all(
        [divide(1), Effect.exit(pool.execute("select 6 / $1::int as n", [new Map()])), divide(2)],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(mixed.map(Exit.isSuccess), [true, false, true])
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )

  it.effect("of a table that changes under them are answered all the same", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* shared
      yield* sql`create table if not exists changing (a int)`
      yield* sql`insert into changing values (1)`
      const read = pool.execute("select * from changing")
      yield* learn(read)
      yield* sql`alter table changing add column b int`
      const all = yield* Effect.all([read, ask(pool, 1), read, read], { concurrency: "unbounded" })
      assert.deepStrictEqual([all[0], all[2], all[3]], [[{ a: 1, b: null }], [{ a: 1, b: null }], [{ a: 1, b: null }]])
    })
  )

  it.effect(
    "are not affected by another one that is interrupted, and the session is clean when all have ended",
    () =>
      Effect.gen(function* () {
        const { pool } = yield* shared
        const sleep = (millis: number) => pool.execute("select pg_sleep($1::float8 / 1000) is null as slept", [millis])
        yield* learn(sleep(0))
        const [given] = yield* Effect.all([Effect.timeoutOption(sleep(100), 20), sleep(0), sleep(0)], {
          concurrency: "unbounded"
        })
        assert.strictEqual(given._tag, "None")
        yield* untilPool(pool, "it is given back", (s) => s.used === 0)
        assert.strictEqual((yield* pool.snapshot).counters.recoveries, 0)
        const all = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(sleep(60_000), { startImmediately: true }))
        const postgres = yield* TestPostgres
        const active = Effect.orDie(
          postgres.admin("select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'")
        )
        yield* until(
          "they run",
          Effect.map(active, (rows) => rows.length > 0)
        )
        for (const one of all) yield* Fiber.interrupt(one)
        yield* untilPool(pool, "it is clean", (s) => s.idle === 1)
        assert.strictEqual((yield* active).length, 0)
        assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
        assert.strictEqual((yield* ask(pool, 3)).n, 3)
      }),
    timed
  )

  it.effect("are lost with their session, retryable, while those that were never read are run again", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool } = yield* stack({ pool: { min: 1, max: 2, pipeline: 32 } })
      const sleep = (seconds: number) => pool.execute("select pg_sleep($1)", [seconds])
      yield* learn(sleep(0))
      const callers = yield* Effect.forEach([30, 0, 0], (seconds) =>
        Effect.forkChild(Effect.flip(sleep(seconds)), { startImmediately: true })
      )
      const running = Effect.map(
        Effect.orDie(
          postgres.admin("select pid from pg_stat_activity where query = 'select pg_sleep($1)' and state = 'active'")
        ),
        (rows) => rows.map((row) => Number(row["pid"]))
      )
      yield* until(
        "it runs",
        Effect.map(running, (pids) => pids.length === 1)
      )
      yield* postgres.admin("select pg_terminate_backend($1::int)", [(yield* running)[0]])
      for (const caller of callers) {
        const error = yield* Fiber.join(caller)
        assert.isTrue(error.isRetryable)
        assert.strictEqual(SessionError.fromSqlError(error)?.reason._tag, "SessionLost")
      }
      yield* learn(ask(pool, 0))
      for (let round = 0; round < 10; round++) {
        const pids = yield* backends
        // Idle when the server ends them, and used in the very next moment.
        yield* postgres.admin(`select pg_terminate_backend(p) from unnest('{${pids.join(",")}}'::int[]) p`)
        const rows = yield* Effect.all(
          numbers(10).map((n) => ask(pool, n)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          rows.map(({ n }) => n),
          numbers(10)
        )
      }
    })
  )

  it.effect("do not change the session state of others", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 2, max: 4, pipeline: 8 } })
      yield* sql`create or replace function quietly() returns text language plpgsql as
        $$ begin perform set_config('DateStyle', 'German, DMY', false); return 'done'; end $$`
      const style = pool.execute("select current_setting('DateStyle') as style, current_setting('work_mem') as mem")
      yield* learn(style)
      const rounds = Effect.gen(function* () {
        yield* Effect.exit(pool.execute("select quietly()"))
        yield* Effect.exit(sql`set work_mem = '64MB'`)
        yield* Effect.exit(sql`begin`)
        yield* sql.withTransaction(sql`set local work_mem = '32MB'`)
      })
      yield* Effect.forEach(
        numbers(8),
        () =>
          Effect.forEach(numbers(10), () =>
            Effect.andThen(
              rounds,
              Effect.map(style, (rows) => assert.deepStrictEqual(rows, [{ style: "ISO, MDY", mem: "4MB" }]))
            )
          ),
        { concurrency: "unbounded" }
      )
    })
  )

  it.effect("survive interrupted callers and lost sessions, and leave nothing behind", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ pool: { min: 0, max: 4, pipeline: 8 } })
      yield* ask(pool, 0)
      const caller = (n: number) =>
        Effect.gen(function* () {
          const one =
            n % 5 === 0 ? exclusive(sql`select ${n}::int as n`) : ask(pool, n).pipe(Effect.map((row) => [row]))
          const exit = yield* Effect.exit(Effect.timeoutOption(one, n % 7))
          if (Exit.isSuccess(exit) && exit.value._tag === "Some") assert.strictEqual(exit.value.value[0]?.["n"], n)
          if (n % 200 === 199) yield* proxy.cutAll("reset")
        })
      yield* Effect.forEach(numbers(1000), caller, { concurrency: 40, discard: true })
      yield* untilPool(pool, "all is quiet", (s) => s.used === 0 && s.waiting === 0 && s.closing === 0)
      yield* load(pool, 20, 5)
      const { counters } = yield* pool.snapshot
      const times = yield* pool.times
      assert.strictEqual(counters.acquired.immediate + counters.acquired.waited, times.useTime.count)
    })
  )

  it.effect("share sessions of a Supavisor", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({ poolSize: 3 })
      const { pool } = yield* poolAt({ url: fake.url(), pool: { min: 1, max: 3, pipeline: 16 } })
      const rows = yield* load(pool, 60, 10)
      assert.isAtMost(new Set(rows.map(({ pid }) => pid)).size, 3)
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )
})

behindPgBouncer("statements that share sessions of a PgBouncer", (it) => {
  it.effect("get each its own answer", () =>
    Effect.gen(function* () {
      const at = yield* pooler()
      const { pool, sql } = yield* behind(at, { pool: { min: 1, max: 3, pipeline: 16 } })
      yield* load(pool, 60, 10)
      yield* sql.withTransaction(Effect.all([sql`select 1`, sql`select 2`], { concurrency: "unbounded" }))
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )
})
