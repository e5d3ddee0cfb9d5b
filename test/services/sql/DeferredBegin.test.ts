import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { MaxOpsBeforeYield } from "effect/Scheduler"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { PgClient } from "@effect/sql-pg/PgClient"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import {
  type ScriptedServer,
  ScriptedSessions,
  serverError,
  type Statements
} from "../../../src/testing/ScriptedSessions.ts"
import { neverExecuted, advance, turn } from "../pool/PipelinedPool.ts"

const withClient = (
  body: (scenario: {
    readonly sql: PgClient
    readonly pool: SessionPool["Service"]
    readonly server: ScriptedServer
    /** The statements that the server has received so far. */
    readonly texts: () => ReadonlyArray<string>
  }) => Effect.Effect<void, unknown>,
  statements: Statements = [[/./, []]],
  settings: SettingsInput = {}
) =>
  Effect.gen(function* () {
    const sql = yield* PgClient
    const server = yield* ScriptedSessions
    const pool = yield* SessionPool
    yield* body({ sql, pool, server, texts: () => server.statements.map((run) => run.sql) })
    yield* advance(1000)
    assert.deepInclude(yield* pool.snapshot, { used: 0, waiting: 0 })
  }).pipe(Effect.provide(ScriptedSessions.layerClient(statements, { settings: { pool: { max: 2 }, ...settings } })))

/** Runs in the background while time passes. */
const running = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* advance(500)
    return yield* Fiber.join(fiber)
  })

describe("a transaction with BEGIN and its first statement in one write", () => {
  it.effect("sends nothing to the server when it runs no statement, and still runs what follows a commit", () =>
    withClient(({ pool, sql, texts }) =>
      Effect.gen(function* () {
        const done: Array<string> = []
        assert.strictEqual(
          yield* sql.withTransaction(Effect.as(sql.afterCommit(Effect.sync(() => done.push("x"))), 7)),
          7
        )
        yield* Effect.exit(sql.withTransaction(Effect.fail("meant")))
        yield* Effect.exit(
          sql.withTransaction(Effect.andThen(sql.afterCommit(Effect.sync(() => done.push("y"))), Effect.fail("meant")))
        )
        assert.deepStrictEqual(texts(), [])
        assert.deepStrictEqual(done, ["x"])
        assert.deepInclude((yield* pool.snapshot).counters, { recoveries: 0, probes: 0 })
      })
    )
  )

  it.effect("begins with the given BEGIN statement", () =>
    withClient(({ sql, texts }) =>
      Effect.gen(function* () {
        yield* Effect.provideService(
          sql.withTransaction(sql`select 1`),
          SqlClient.BeginTransaction,
          "BEGIN ISOLATION LEVEL SERIALIZABLE"
        )
        assert.deepStrictEqual(texts(), ["BEGIN ISOLATION LEVEL SERIALIZABLE", "select 1", "COMMIT"])
      })
    )
  )

  it.effect("runs nothing outside of it when it cannot begin, whatever its body does", () =>
    withClient(
      ({ sql, texts }) =>
        Effect.gen(function* () {
          const body = Effect.andThen(Effect.exit(sql`insert one`), Effect.exit(sql`insert two`))
          const [first, second] = yield* running(
            sql.withTransaction(Effect.all([Effect.exit(sql`insert one`), Effect.exit(sql`insert two`)]))
          )
          assert.deepStrictEqual([first._tag, second._tag], ["Failure", "Failure"])
          yield* running(sql.withTransaction(body))
          assert.deepStrictEqual(new Set(texts()), new Set(["BEGIN"]))
        }),
      [
        ["BEGIN", serverError("22023", "invalid value")],
        [/./, []]
      ]
    )
  )

  it.effect("begins once, however its fibers are scheduled", () =>
    withClient(({ sql, texts }) =>
      Effect.gen(function* () {
        const all = ["one", "two", "three"].map((name) => Effect.andThen(Effect.void, sql.unsafe(`insert ${name}`)))
        for (let operations = 3; operations < 12; operations++) {
          const before = texts().length
          yield* running(
            Effect.provideService(
              sql.withTransaction(Effect.all(all, { concurrency: "unbounded" })),
              MaxOpsBeforeYield,
              operations
            )
          )
          const [first, ...rest] = texts().slice(before)
          assert.strictEqual(first, "BEGIN")
          assert.deepStrictEqual(rest.toSorted(), ["COMMIT", "insert one", "insert three", "insert two"])
        }
      })
    )
  )

  it.effect("runs nothing beside its BEGIN", () =>
    withClient(
      ({ sql, texts }) =>
        Effect.gen(function* () {
          const all = ["one", "two", "three"].map((name) => Effect.exit(sql.unsafe(`insert ${name}`)))
          const exits = yield* running(sql.withTransaction(Effect.all(all, { concurrency: "unbounded" })))
          assert.isTrue(exits.every((exit) => exit._tag === "Failure"))
          assert.deepStrictEqual(new Set(texts()), new Set(["BEGIN"]))
        }),
      [
        ["BEGIN", serverError("22023", "invalid value")],
        [/./, []]
      ]
    )
  )

  it.effect("runs concurrent first statements all in it", () =>
    withClient(({ sql, texts }) =>
      Effect.gen(function* () {
        const all = ["one", "two", "three"].map((name) => Effect.andThen(Effect.void, sql.unsafe(`insert ${name}`)))
        yield* running(sql.withTransaction(Effect.all(all, { concurrency: "unbounded" })))
        assert.deepStrictEqual(texts(), ["BEGIN", "insert one", "insert two", "insert three", "COMMIT"])
      })
    )
  )

  it.effect("begins with a nested one, and is one", () =>
    withClient(({ sql, texts }) =>
      Effect.gen(function* () {
        yield* running(sql.withTransaction(sql.withTransaction(sql`select 1`)))
        assert.deepStrictEqual(texts(), [
          "BEGIN",
          "SAVEPOINT effect_sql_1",
          "select 1",
          "RELEASE SAVEPOINT effect_sql_1",
          "COMMIT"
        ])
      })
    )
  )

  it.effect("begins before a stream is read", () =>
    withClient(({ sql, texts }) =>
      Effect.gen(function* () {
        yield* running(sql.withTransaction(Stream.runDrain(sql`select rows`.stream)))
        assert.deepStrictEqual(texts(), ["BEGIN", "", "select rows", "COMMIT"])
      })
    )
  )

  it.effect("is rolled back when its first statement fails, and stays failed when that is ignored", () =>
    withClient(
      ({ sql, texts }) =>
        Effect.gen(function* () {
          const exit = yield* Effect.exit(running(sql.withTransaction(sql`select failing`)))
          assert.strictEqual(exit._tag, "Failure")
          const ignored = yield* Effect.exit(
            running(sql.withTransaction(Effect.andThen(Effect.ignore(sql`select failing`), sql`select 1`)))
          )
          assert.strictEqual(ignored._tag, "Failure")
          assert.isFalse(texts().includes("COMMIT"))
        }),
      [
        ["select failing", serverError("22012", "division by zero")],
        [/./, []]
      ]
    )
  )

  it.effect("is not affected by a session that ended while it was idle, nor are concurrent statements", () =>
    withClient(({ server, sql, texts }) =>
      Effect.gen(function* () {
        yield* running(sql`select 0`)
        const go = Deferred.makeUnsafe<void>()
        const transaction = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.andThen(Deferred.await(go), Effect.all([sql`select 1`, sql`select 2`], { concurrency: "unbounded" }))
          ),
          { startImmediately: true }
        )
        server.session(1).lose(neverExecuted())
        yield* turn
        yield* Deferred.succeed(go, undefined)
        yield* advance(500)
        yield* Fiber.join(transaction)
        assert.deepStrictEqual(texts().slice(1), ["BEGIN", "select 1", "select 2", "COMMIT"])
      })
    )
  )

  it.effect("gets no session when it is interrupted while it waits for another one", () =>
    withClient(
      ({ pool, server, sql, texts }) =>
        Effect.gen(function* () {
          yield* running(sql`select 0`)
          const go = Deferred.makeUnsafe<void>()
          const transaction = yield* Effect.forkChild(
            Effect.exit(
              sql.withTransaction(
                Effect.gen(function* () {
                  yield* Deferred.await(go)
                  yield* Effect.timeoutOption(Effect.exit(sql`insert one`), 100)
                  yield* Effect.sleep(100)
                  yield* sql`insert two`
                })
              )
            ),
            { startImmediately: true }
          )
          server.change({ dials: { _tag: "Succeeds", afterMillis: 150, session: {} } })
          server.session(1).lose(neverExecuted())
          yield* turn
          yield* Deferred.succeed(go, undefined)
          yield* advance(100)
          yield* advance(100)
          yield* advance(300)
          assert.strictEqual((yield* Fiber.join(transaction))._tag, "Failure")
          assert.isFalse(texts().some((text) => text.startsWith("insert")))
          assert.strictEqual((yield* pool.snapshot).open, 1)
        }),
      [[/./, []]],
      { pool: { max: 1 } }
    )
  )

  it.effect("is rolled back, with nothing outside, when its first statement is interrupted", () =>
    withClient(
      ({ sql, texts }) =>
        Effect.gen(function* () {
          const exit = yield* Effect.exit(
            running(sql.withTransaction(Effect.andThen(Effect.timeoutOption(sql`select slow`, 50), sql`insert two`)))
          )
          assert.strictEqual(exit._tag, "Failure")
          assert.isFalse(texts().includes("COMMIT"))
        }),
      [
        ["select slow", Effect.never],
        [/./, []]
      ]
    )
  )
})
