import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, untilPool } from "../../PoolHarness.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("the next borrower never sees", (it) => {
  const onOneSession = stack({ pool: { min: 1, max: 1 } })

  it.effect("a changed setting", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* onOneSession
      yield* sql`set work_mem = '64MB'`
      yield* sql`select set_config('statement_timeout', '1234', false)`
      yield* sql`set time zone 'Asia/Tokyo'`
      const [row] = yield* sql`select current_setting('work_mem') as mem, current_setting('statement_timeout') as st,
        current_setting('timezone') as tz, current_setting('application_name') as app`
      assert.deepStrictEqual(row, { mem: "4MB", st: "30s", tz: "UTC", app: "pool-under-test" })
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 1)
    })
  )

  it.effect("a setting changed inside a function, when the server reports it", () =>
    Effect.gen(function* () {
      const { sql } = yield* onOneSession
      yield* sql`create or replace function quietly() returns void language plpgsql as
        $$ begin perform set_config('DateStyle', 'German, DMY', false); end $$`
      yield* sql`select quietly()`
      assert.deepStrictEqual(yield* sql`select current_setting('DateStyle') as style`, [{ style: "ISO, MDY" }])
    })
  )

  it.effect("a temporary table", () =>
    Effect.gen(function* () {
      const { sql } = yield* onOneSession
      yield* sql`create temp table mine (n int)`
      assert.deepStrictEqual(yield* sql`select to_regclass('mine')::text as mine`, [{ mine: null }])
    })
  )

  it.effect("an advisory lock", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool, sql } = yield* onOneSession
      yield* sql`select pg_advisory_lock(42)`
      yield* untilPool(pool, "the session is idle again", (s) => s.idle === 1)
      const locks = yield* postgres.admin("select 1 from pg_locks where locktype = 'advisory'")
      assert.strictEqual(locks.length, 0)
      yield* sql`select 1`
    })
  )

  it.effect("an open transaction", () =>
    Effect.gen(function* () {
      const { sql } = yield* onOneSession
      yield* sql`create table if not exists opened (n int)`
      const postgres = yield* TestPostgres
      yield* sql`begin`
      yield* sql`insert into opened values (1)`
      // Seen from elsewhere: it was committed at once, so it did not run in the transaction left open.
      assert.deepStrictEqual(yield* postgres.admin("select count(*)::int as n from opened"), [{ n: 1 }])
    })
  )

  it.effect("a failed transaction", () =>
    Effect.gen(function* () {
      const { sql } = yield* onOneSession
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* sql.reserve
          yield* session.executeRaw("begin", [])
          yield* Effect.ignore(session.executeRaw("select 1/0", []))
        })
      )
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )

  it.effect("a LISTEN", () =>
    Effect.gen(function* () {
      const { sql } = yield* onOneSession
      yield* sql`listen mine`
      assert.deepStrictEqual(yield* sql`select count(*)::int as n from pg_listening_channels()`, [{ n: 0 }])
    })
  )

  it.effect("a statement prepared by SQL", () =>
    Effect.gen(function* () {
      const { sql } = yield* onOneSession
      yield* sql`prepare mine as select 1`
      const rows = yield* sql`select count(*)::int as n from pg_prepared_statements where name = 'mine'`
      assert.deepStrictEqual(rows, [{ n: 0 }])
    })
  )

  it.effect("a session whose lease is over", () =>
    Effect.gen(function* () {
      const { pool } = yield* onOneSession
      const leaked = yield* pool.use((session) => Effect.succeed(session))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(leaked.executeRaw("select 1", []))))
    })
  )

  it.effect("anything of a transaction that ended by itself, without a reset", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* onOneSession
      yield* sql.withTransaction(Effect.andThen(sql`set local work_mem = '64MB'`, sql`select pg_advisory_xact_lock(7)`))
      assert.deepStrictEqual(yield* sql`select current_setting('work_mem') as mem`, [{ mem: "4MB" }])
      assert.strictEqual((yield* pool.snapshot).counters.recoveries, 0)
    })
  )
})
