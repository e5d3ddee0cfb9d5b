import * as PgConnection from "@effect/sql-pg/PgConnection"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { adminApplicationName, TestPostgres } from "../../src/testing/TestPostgres.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("TestPostgres", (it) => {
  it.effect("gives each test an empty database of its own and drops it although a session is left in it", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const testScope = yield* Scope.make()
      const first = yield* Scope.provide(postgres.freshDatabase, testScope)
      const second = yield* Scope.provide(postgres.freshDatabase, testScope)
      assert.notStrictEqual(first.name, second.name)
      const left = yield* PgConnection.make({ url: first.url })
      const tables = yield* left.query("select 1 from pg_class where relnamespace = 'public'::regnamespace")
      assert.deepStrictEqual(tables.rows, [])
      yield* Scope.close(testScope, Exit.void)
      const databases = yield* postgres.admin("select datname from pg_database where datname like 'test%'")
      assert.deepStrictEqual(databases, [])
    })
  )

  it.effect("keeps one admin connection, and opens another when it was terminated or the server restarted", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const pid = Effect.map(postgres.admin("select pg_backend_pid() as pid"), (rows) => rows[0]?.["pid"])
      const first = yield* pid
      assert.strictEqual(yield* pid, first)
      const other = yield* PgConnection.make({ url: postgres.url })
      yield* other.query("select pg_terminate_backend($1, 5000)", [first])
      const second = yield* pid
      assert.notStrictEqual(second, first)
      yield* postgres.restart
      assert.notStrictEqual(yield* pid, second)
      const named = yield* postgres.admin("select 1 as me from pg_stat_activity where application_name = $1", [
        adminApplicationName
      ])
      assert.strictEqual(named.length, 1)
    })
  )

  it.effect("does not let the admin connection hold up a smart stop", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      yield* postgres.admin("select 1")
      yield* postgres.stop("smart")
      yield* postgres.start
      assert.deepStrictEqual(yield* postgres.admin("select 1 as one"), [{ one: 1 }])
    })
  )

  it.effect("fails a wrong statement once and keeps the connection", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const before = yield* postgres.admin("select pg_backend_pid() as pid")
      const error = yield* Effect.flip(postgres.admin("select nothing_here"))
      assert.strictEqual(error.reason._tag, "SqlSyntaxError")
      assert.deepStrictEqual(yield* postgres.admin("select pg_backend_pid() as pid"), before)
    })
  )
})
