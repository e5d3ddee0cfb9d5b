import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Statement from "effect/sql/Statement"
import * as Tracer from "effect/Tracer"
import { PgClient } from "@effect/sql-pg/PgClient"
import { exclusive, pipelined } from "../../../src/services/sql/Pipelining.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { type ScriptedServer, ScriptedSessions } from "../../../src/testing/ScriptedSessions.ts"
import { HeldResults, advance, QUICK, turn } from "../pool/PipelinedPool.ts"

/** A client of which one statement is known to be quick, in a pool of three sessions that share where they may. */
const withClient = (
  pipeline: number,
  body: (scenario: {
    readonly sql: PgClient
    readonly pool: SessionPool["Service"]
    readonly answers: HeldResults
    readonly server: ScriptedServer
    /** How many sessions the statements of several callers in one turn went to. */
    readonly sessionsOf: (effect: Effect.Effect<unknown, unknown>, count?: number) => Effect.Effect<number, unknown>
  }) => Effect.Effect<void, unknown>
) =>
  Effect.suspend(() => {
    const answers = new HeldResults()
    return Effect.gen(function* () {
      const sql = yield* PgClient
      const pool = yield* SessionPool
      const server = yield* ScriptedSessions
      yield* pipelined(sql.unsafe(QUICK))
      yield* turn
      answers.isHeld = true
      yield* body({
        sql,
        pool,
        answers,
        server,
        sessionsOf: (effect, count = 3) =>
          Effect.gen(function* () {
            const before = server.statements.length
            const callers = yield* Effect.forEach(Array.from({ length: count }), () =>
              Effect.forkChild(effect, { startImmediately: true })
            )
            yield* turn
            yield* advance(1)
            const sessions = new Set(server.statements.slice(before).map(({ sessionId }) => sessionId))
            yield* answers.answer(count)
            for (const caller of callers) yield* Fiber.join(caller)
            return sessions.size
          })
      })
      assert.deepInclude(yield* pool.snapshot, { used: 0, waiting: 0 })
    }).pipe(
      Effect.provide(ScriptedSessions.layerClient(answers.statements, { settings: { pool: { max: 3, pipeline } } }))
    )
  })

/** Keeps the spans that ended. */
const recording = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

describe("sharing sessions", () => {
  it.effect("follows the settings, unless an effect sets it", () =>
    Effect.andThen(
      withClient(0, ({ sessionsOf, sql }) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* sessionsOf(sql.unsafe(QUICK)), 3)
          assert.strictEqual(yield* sessionsOf(pipelined(sql.unsafe(QUICK))), 1)
          assert.strictEqual(yield* sessionsOf(exclusive(pipelined(sql.unsafe(QUICK)))), 1)
          assert.strictEqual(yield* sessionsOf(pipelined(exclusive(sql.unsafe(QUICK)))), 3)
        })
      ),
      withClient(4, ({ sessionsOf, sql }) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* sessionsOf(sql.unsafe(QUICK)), 1)
          assert.strictEqual(yield* sessionsOf(exclusive(sql.unsafe(QUICK))), 3)
        })
      )
    )
  )

  it.effect("works for `SessionPool.execute`, too", () =>
    withClient(4, ({ pool, sessionsOf }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* sessionsOf(pool.execute(QUICK)), 1)
      })
    )
  )

  it.effect("continues when statements are traced: each has its span", () =>
    withClient(4, ({ sessionsOf, sql }) =>
      Effect.gen(function* () {
        const { spans, tracer } = recording()
        assert.strictEqual(yield* sessionsOf(Effect.withTracer(sql.unsafe(QUICK), tracer)), 1)
        assert.strictEqual(yield* sessionsOf(Effect.withTracer(exclusive(sql.unsafe(QUICK)), tracer)), 3)
        assert.strictEqual(spans.length, 6)
        for (const span of spans) {
          assert.strictEqual(span.status._tag, "Ended")
          assert.strictEqual(span.attributes.get("db.query.text"), QUICK)
          assert.strictEqual(span.attributes.get("db.namespace"), "scripted")
        }
      })
    )
  )

  it.effect("goes on where a transformer changes the statements", () =>
    withClient(4, ({ sessionsOf, sql }) =>
      Effect.gen(function* () {
        const transformed = Effect.provideService(sql.unsafe("select something"), Statement.CurrentTransformer, () =>
          Effect.succeed(sql.unsafe(QUICK))
        )
        assert.strictEqual(yield* sessionsOf(transformed), 1)
      })
    )
  )

  it.effect("never happens in a transaction, whose statements have its session to themselves", () =>
    withClient(4, ({ answers, server, sessionsOf, sql }) =>
      Effect.gen(function* () {
        const begun = yield* Deferred.make<void>()
        const transaction = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql.unsafe("select first")
              yield* Deferred.succeed(begun, undefined)
              yield* Effect.all([pipelined(sql.unsafe(QUICK)), pipelined(sql.unsafe(QUICK))], {
                concurrency: "unbounded"
              })
              yield* sql.withTransaction(sql.unsafe(QUICK))
            })
          ),
          { startImmediately: true }
        )
        yield* advance(10)
        yield* Deferred.await(begun)
        const own = server.statements.find(({ sql: text }) => text === "select first")?.sessionId
        yield* turn
        assert.strictEqual(answers.size, 2)
        const others = yield* Effect.forkChild(sessionsOf(sql.unsafe(QUICK)), { startImmediately: true })
        yield* turn
        yield* advance(5)
        yield* answers.answer(answers.size)
        yield* advance(5)
        yield* answers.answer(answers.size)
        yield* advance(50)
        yield* Fiber.join(transaction)
        assert.strictEqual(yield* Fiber.join(others), 1)
        const texts = server.statements.filter(({ sessionId }) => sessionId === own).map(({ sql: text }) => text)
        assert.deepStrictEqual(texts.slice(texts.indexOf("BEGIN")), [
          "BEGIN",
          "select first",
          QUICK,
          QUICK,
          "SAVEPOINT effect_sql_1",
          QUICK,
          "RELEASE SAVEPOINT effect_sql_1",
          "COMMIT"
        ])
      })
    )
  )

  for (const [name, keep] of [
    ["a session that is kept", (sql: PgClient) => Effect.asVoid(Effect.andThen(sql.reserve, Effect.never))],
    ["a stream", (sql: PgClient) => Stream.runForEach(sql`select rows`.stream, () => Effect.never)]
  ] as const) {
    it.effect(`never happens on ${name}`, () =>
      withClient(4, ({ pool, sessionsOf, sql }) =>
        Effect.gen(function* () {
          const keeper = yield* Effect.forkChild(Effect.scoped(keep(sql)), { startImmediately: true })
          yield* advance(10)
          const kept = (yield* pool.sessions).find(({ state }) => state === "used")
          assert.strictEqual(yield* sessionsOf(sql.unsafe(QUICK), 8), 2)
          const after = (yield* pool.sessions).find(({ sessionId }) => sessionId === kept?.sessionId)
          assert.deepStrictEqual([after?.state, after?.uses], ["used", kept?.uses])
          yield* Fiber.interrupt(keeper)
          yield* advance(100)
        })
      )
    )
  }

  it.effect("leaves forms of a statement that are not shared as they are", () =>
    withClient(4, ({ answers, sql }) =>
      Effect.gen(function* () {
        answers.isHeld = false
        const statement = sql.unsafe(QUICK)
        const all = yield* Effect.forkChild(
          Effect.all([statement, statement.values, statement.unprepared, statement.raw, statement.withoutTransform], {
            concurrency: "unbounded"
          }),
          { startImmediately: true }
        )
        yield* advance(100)
        const [rows, values, unprepared, raw, plain] = yield* Fiber.join(all)
        assert.deepStrictEqual([rows, unprepared, plain], [[{ n: 0 }], [{ n: 0 }], [{ n: 0 }]])
        assert.deepStrictEqual(values, [[0]])
        assert.deepInclude(raw, { rowCount: 1 })
      })
    )
  )
})
