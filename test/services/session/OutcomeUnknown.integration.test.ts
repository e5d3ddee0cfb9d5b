import { assert, layer } from "@effect/vitest"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { SqlError } from "effect/sql/SqlError"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { pipelined } from "../../../src/services/sql/Pipelining.ts"
import { idempotent } from "../../../src/services/sql/Transactions.ts"
import type { FaultProxyShape } from "../../../src/testing/FaultProxy.ts"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, until } from "../../PoolHarness.ts"

const ENDS = {
  reset: FaultMode.reset,
  end: FaultMode.end,
  silence: FaultMode.blackhole(),
  garbage: FaultMode.garbage()
}

type Mode = FaultMode.OpenConnectionMode

type Run = (sql: PgClient) => Effect.Effect<unknown, SqlError>

const reasonOf = (error: SqlError) => SessionError.fromSqlError(error)!.reason

/** Withholds every reply to a statement from now on, and ends the session in the given way. */
const withoutReply = (proxy: FaultProxyShape, how: Mode) =>
  proxy.setMode(FaultMode.when((_chunk, direction) => direction === "toClient", how, { matched: "withhold" }))

/** The error of a statement whose reply never comes. */
const unanswered = (how: Mode, run: Run) =>
  Effect.gen(function* () {
    const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 }, statementTimeout: "300 millis" })
    yield* sql`create table if not exists outcome (n int)`
    yield* sql`create or replace function writes() returns int language sql as
      'insert into outcome values (1) returning n'`
    yield* sql`select 1`
    yield* withoutReply(proxy, how)
    return yield* Effect.flip(run(sql))
  }).pipe(Effect.scoped)

layer(TestPostgres.layer, { excludeTestServices: true })("a statement outside a transaction without a reply", (it) => {
  for (const [name, how] of Object.entries(ENDS)) {
    it.effect(`is not retryable when it may write: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* unanswered(how, (sql) => sql`insert into outcome values (2)`)
        assert.isFalse(error.isRetryable)
        assert.strictEqual(reasonOf(error)._tag, "OutcomeUnknown")
        assert.match(error.message, /took effect is unknown/)
      })
    )

    it.effect(`is retryable when it only reads: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* unanswered(how, (sql) => sql`select count(*) from outcome`)
        assert.isTrue(error.isRetryable)
      })
    )

    it.effect(`is retryable when the caller says that it is idempotent: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* unanswered(how, (sql) => idempotent(sql`delete from outcome`))
        assert.isTrue(error.isRetryable)
      })
    )
  }

  const paths: Readonly<Record<string, Run>> = {
    "a function that may write": (sql) => sql`select writes()`,
    "a write inside WITH": (sql) => sql`with w as (insert into outcome values (3) returning n) select n from w`,
    "the values of a statement": (sql) => sql`insert into outcome values (4)`.values,
    "the raw result of a statement": (sql) => sql`insert into outcome values (5)`.raw,
    "a statement without a name": (sql) => sql`insert into outcome values (6)`.unprepared,
    "a stream": (sql) => Stream.runDrain(sql`insert into outcome values (7) returning n`.stream),
    "a reserved session": (sql) =>
      Effect.scoped(Effect.flatMap(sql.reserve, (held) => held.executeRaw("insert into outcome values (8)", []))),
    "a statement that shares its session": (sql) => pipelined(sql`insert into outcome values (9)`),
    "a notification": (sql) => sql.notify("channel", "payload"),
    "a COMMIT by hand": (sql) => Effect.scoped(Effect.flatMap(sql.reserve, (held) => held.executeRaw("commit", [])))
  }

  for (const [name, run] of Object.entries(paths)) {
    it.effect(`is not retryable on any path: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* unanswered(FaultMode.reset, run)
        assert.isFalse(error.isRetryable)
        assert.strictEqual(reasonOf(error)._tag, "OutcomeUnknown")
        assert.isTrue((yield* unanswered(FaultMode.reset, (sql) => idempotent(run(sql)))).isRetryable)
      })
    )
  }

  it.effect("is executed once by a caller that retries what is retryable", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      for (const how of Object.values(ENDS)) {
        yield* postgres.admin("create table if not exists outcome (n int)")
        yield* postgres.admin("truncate outcome")
        yield* unanswered(how, (sql) =>
          Effect.retry(sql`insert into outcome values (10)`, { times: 2, while: (error) => error.isRetryable })
        )
        yield* until(
          "the insert is committed",
          Effect.map(Effect.orDie(postgres.admin("select n from outcome")), (rows) => rows.length > 0)
        )
        assert.deepStrictEqual(yield* postgres.admin("select n from outcome"), [{ n: 10 }])
      }
    })
  )

  it.effect("in a transaction it is retryable, because the server rolls back", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* sql`create table if not exists outcome (n int)`
      for (const before of [Effect.void, sql`select 1`]) {
        yield* proxy.setMode(FaultMode.pass)
        const error = yield* Effect.flip(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* before
              yield* withoutReply(proxy, FaultMode.reset)
              yield* sql`insert into outcome values (11)`
            })
          )
        )
        assert.isTrue(error.isRetryable)
        assert.strictEqual(reasonOf(error)._tag, "SessionLost")
      }
    })
  )

  it.effect("says why the server ended the session, once", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const postgres = yield* TestPostgres
      yield* sql`create table if not exists outcome (n int)`
      const running = yield* Effect.forkChild(Effect.flip(sql`insert into outcome select 12 from pg_sleep(30)`), {
        startImmediately: true
      })
      const kill = postgres.admin(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'insert into outcome select 12%'"
      )
      yield* until(
        "it runs",
        Effect.map(Effect.orDie(kill), (rows) => rows.length === 1)
      )
      const error = yield* Fiber.join(running)
      assert.isFalse(error.isRetryable)
      assert.strictEqual(SessionError.fromSqlError(error)?.code, "57P01")
      assert.strictEqual(error.message.split("terminating connection due to administrator command").length, 2)
    })
  )
})
