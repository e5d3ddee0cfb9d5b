import { assert, layer } from "@effect/vitest"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { SqlError } from "effect/sql/SqlError"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack } from "../../PoolHarness.ts"

const codeOf = (error: SqlError) => SessionError.fromSqlError(error)?.code

const client = Effect.gen(function* () {
  const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
  yield* sql`create table if not exists ended (what text)`
  yield* sql`truncate ended`
  return sql
})

const rows = (sql: PgClient) => Effect.map(sql`select what from ended`.values, (all) => all.flat())

/** Every statement that ends a transaction, and whether it commits. */
const ENDS: Readonly<Record<string, boolean>> = {
  rollback: false,
  "ROLLBACK WORK": false,
  abort: false,
  "/* a */ rollback -- b": false,
  "rollback and chain": false,
  "ROLLBACK TRANSACTION AND\nCHAIN": false,
  commit: true,
  "end transaction": true,
  "commit and chain": true,
  "commit and no chain": true
}

layer(TestPostgres.layer, { excludeTestServices: true })("a transaction that is ended by hand", (it) => {
  for (const [end, commits] of Object.entries(ENDS)) {
    it.effect(`refuses the next statement: ${end.replaceAll("\n", " ")}`, () =>
      Effect.gen(function* () {
        const sql = yield* client
        const error = yield* Effect.flip(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`insert into ended values ('before')`
              yield* sql.unsafe(end)
              yield* sql`insert into ended values ('after')`
            })
          )
        )
        assert.strictEqual(codeOf(error), "TRANSACTION_ENDED")
        assert.isFalse(error.isRetryable)
        assert.deepStrictEqual(yield* rows(sql), commits ? ["before"] : [])
      })
    )

    it.effect(`fails at its COMMIT: ${end.replaceAll("\n", " ")}`, () =>
      Effect.gen(function* () {
        const sql = yield* client
        const body = Effect.andThen(sql`insert into ended values ('before')`, sql.unsafe(end))
        const error = yield* Effect.flip(sql.withTransaction(body))
        assert.strictEqual(codeOf(error), "TRANSACTION_ENDED")
        assert.deepStrictEqual(yield* rows(sql), commits ? ["before"] : [])
      })
    )
  }

  const later: Readonly<Record<string, (sql: PgClient) => Effect.Effect<unknown, SqlError>>> = {
    values: (sql) => sql`insert into ended values ('after')`.values,
    "the raw result": (sql) => sql`insert into ended values ('after')`.raw,
    "a stream": (sql) => Stream.runDrain(sql`insert into ended values ('after') returning what`.stream),
    "a nested transaction": (sql) => sql.withTransaction(sql`insert into ended values ('after')`),
    "a second end": (sql) => sql.unsafe("commit"),
    "a new BEGIN": (sql) => Effect.andThen(sql.unsafe("begin"), sql`insert into ended values ('after')`)
  }

  for (const [name, run] of Object.entries(later)) {
    it.effect(`refuses every form of a statement: ${name}`, () =>
      Effect.gen(function* () {
        const sql = yield* client
        const error = yield* Effect.flip(sql.withTransaction(Effect.andThen(sql.unsafe("rollback"), run(sql))))
        assert.strictEqual(codeOf(error), "TRANSACTION_ENDED")
        assert.deepStrictEqual(yield* rows(sql), [])
      })
    )
  }

  it.effect("inside a savepoint fails both levels", () =>
    Effect.gen(function* () {
      for (const end of ["rollback", "commit"]) {
        const sql = yield* client
        const failures: Array<unknown> = []
        const error = yield* Effect.flip(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`insert into ended values ('outer')`
              yield* sql
                .withTransaction(Effect.andThen(sql`insert into ended values ('inner')`, sql.unsafe(end)))
                .pipe(Effect.catch((inner) => Effect.sync(() => failures.push(codeOf(inner as SqlError)))))
              yield* sql`insert into ended values ('after')`
            })
          )
        )
        assert.deepStrictEqual(failures, ["TRANSACTION_ENDED"])
        assert.strictEqual(codeOf(error), "TRANSACTION_ENDED")
        assert.deepStrictEqual(yield* rows(sql), end === "commit" ? ["outer", "inner"] : [])
      }
    }).pipe(Effect.scoped)
  )

  it.effect("by the failure of a savepoint that was released by hand is rolled back, and its session is kept", () =>
    Effect.gen(function* () {
      const sql = yield* client
      const before = yield* sql`select pg_backend_pid() as pid`
      const error = yield* Effect.flip(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`insert into ended values ('outer')`
            yield* Effect.ignore(
              sql.withTransaction(Effect.andThen(sql.unsafe("release savepoint effect_sql_1"), Effect.fail("meant")))
            )
          })
        )
      )
      assert.strictEqual(codeOf(error), "TRANSACTION_ABORTED")
      assert.deepStrictEqual(yield* rows(sql), [])
      assert.deepStrictEqual(yield* sql`select pg_backend_pid() as pid`, before)
    })
  )

  it.effect("is not one that rolls back to a savepoint of its own, or releases it", () =>
    Effect.gen(function* () {
      const sql = yield* client
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`insert into ended values ('kept')`
          yield* sql.unsafe("savepoint mine")
          yield* sql`insert into ended values ('undone')`
          yield* sql.unsafe("rollback to savepoint mine")
          yield* sql.unsafe("release savepoint mine")
          yield* Effect.ignore(sql.withTransaction(sql`select 1 / 0`))
          yield* sql`insert into ended values ('too')`
        })
      )
      assert.deepStrictEqual(yield* rows(sql), ["kept", "too"])
    })
  )

  it.effect("leaves nothing behind for the next transaction on the session", () =>
    Effect.gen(function* () {
      const sql = yield* client
      for (const end of Object.keys(ENDS)) yield* Effect.ignore(sql.withTransaction(sql.unsafe(end)))
      yield* sql.withTransaction(
        Effect.andThen(sql`insert into ended values ('a')`, sql`insert into ended values ('b')`)
      )
      assert.deepStrictEqual(yield* rows(sql), ["a", "b"])
    })
  )
})
