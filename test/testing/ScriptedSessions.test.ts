import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Listener } from "../../src/services/sql/Listener.ts"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { SessionOpener } from "../../src/services/session/SessionOpener.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import {
  Dial,
  type DialFailureClass,
  refusal,
  type Script,
  ScriptedSessions,
  serverError
} from "../../src/testing/ScriptedSessions.ts"

const opened = (script: Script = {}) =>
  Effect.gen(function* () {
    const opener = yield* SessionOpener
    const server = yield* ScriptedSessions
    yield* opener.open
    return { opener, server, session: server.session(1) }
  }).pipe(Effect.provide(ScriptedSessions.layer(script)))

const client = (statements: Parameters<typeof ScriptedSessions.layerClient>[0]) =>
  Effect.provide(ScriptedSessions.layerClient(statements))

const texts = Effect.map(ScriptedSessions, (server) => server.statements.map(({ sql }) => sql))

describe("a scripted client", () => {
  it.effect("answers by text, whatever the white space and the case, through the real compiler", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const rows = yield* sql`select name
          from todos where ${sql.and([sql`id = ${7}`, sql.in("kind", ["a", "b"])])}`
      assert.deepStrictEqual(rows, [{ name: "seven" }])
      const [run] = (yield* ScriptedSessions).statements
      assert.deepStrictEqual(run?.params, [7, "a", "b"])
    }).pipe(client({ 'select name from todos where (id = $1 AND "kind" in ($2,$3))': [{ name: "seven" }] }))
  )

  it.effect("answers by pattern, from the parameters, by an effect or with an error of the server", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      assert.deepStrictEqual(yield* sql`select ${20} + 1`, [{ sum: 21 }])
      assert.deepStrictEqual(yield* sql`select late`, [{ late: true }])
      const error = yield* Effect.flip(sql`insert into todos ${sql.insert({ id: 1 })}`)
      assert.strictEqual(error.reason._tag, "UniqueViolation")
      assert.isTrue(error.reason._tag === "UniqueViolation" && error.reason.constraint === "todos_pkey")
    }).pipe(
      client([
        [/^select \$1/g, (params) => [{ sum: Number(params[0]) + 1 }]],
        ["select late", Effect.succeed([{ late: true }])],
        [/^insert into/, serverError("23505", "duplicate key", { constraint: "todos_pkey" })]
      ])
    )
  )

  it.effect("dies on a statement that the script does not expect, and goes on", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const exit = yield* Effect.exit(sql`delete from todos`)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", /Unexpected statement: delete from todos/)
      assert.deepStrictEqual((yield* ScriptedSessions).unexpected, ["delete from todos"])
      assert.deepStrictEqual(yield* sql`select 1`, [])
    }).pipe(client({ "select 1": [] }))
  )

  it.effect("commits, rolls back and nests transactions with the real statements", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* sql.withTransaction(Effect.andThen(sql`select 1`, sql.withTransaction(sql`select 2`)))
      assert.deepStrictEqual(yield* texts, [
        "BEGIN",
        "select 1",
        "SAVEPOINT effect_sql_1",
        "select 2",
        "RELEASE SAVEPOINT effect_sql_1",
        "COMMIT"
      ])
      yield* Effect.flip(sql.withTransaction(Effect.andThen(sql`select 1`, Effect.fail("no"))))
      const { idle, used } = yield* (yield* SessionPool).snapshot
      assert.deepStrictEqual({ idle, used }, { idle: 1, used: 0 })
      assert.deepStrictEqual((yield* texts).slice(6), ["BEGIN", "select 1", "rollback"])
    }).pipe(client({ "select 1": [], "select 2": [] }))
  )

  it.effect("refuses everything in a failed transaction, and answers its COMMIT with ROLLBACK", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const inside = yield* Effect.flip(
        sql.withTransaction(Effect.andThen(Effect.ignore(sql`select bad`), sql`select 1`))
      )
      assert.match(inside.message, /current transaction is aborted/)
      const commit = yield* Effect.flip(sql.withTransaction(Effect.ignore(sql`select bad`)))
      assert.match(commit.message, /rolled back at COMMIT/)
    }).pipe(client({ "select 1": [], "select bad": serverError("22012", "division by zero") }))
  )

  it.effect("streams rows and delivers notifications", () =>
    Effect.gen(function* () {
      const pg = yield* PgClient.PgClient
      assert.deepStrictEqual(yield* Stream.runCollect(pg`select n`.stream), [{ n: 1 }, { n: 2 }])
      const queue = yield* pg.listen("news")
      yield* pg.notify("news", "hello")
      const { channel, payload } = yield* Queue.take(queue)
      assert.deepStrictEqual({ channel, payload }, { channel: "news", payload: "hello" })
    }).pipe(Effect.scoped, client({ "select n": [{ n: 1 }, { n: 2 }] }))
  )

  it.effect("listens again on another session when its session is lost, and reports the gap", () =>
    Effect.gen(function* () {
      const listener = yield* Listener
      const server = yield* ScriptedSessions
      const queue = yield* listener.listen("news")
      server.session(1).lose()
      yield* TestClock.adjust("10 seconds")
      server.notify("news", "again")
      const [gap, notification] = [yield* Queue.take(queue), yield* Queue.take(queue)]
      assert.deepInclude(gap, { channel: "news" })
      assert.property(gap, "gap")
      assert.deepInclude(notification, { channel: "news", payload: "again" })
    }).pipe(Effect.scoped, client({}))
  )
})

describe("a scripted session", () => {
  it.effect("is busy while a statement runs and fails it at once, once, when it is lost", () =>
    Effect.gen(function* () {
      const { session } = yield* opened({ statements: { "select slow": Effect.delay(Effect.succeed([]), 5000) } })
      const losses: Array<SessionError> = []
      session.onLost = (error) => losses.push(error)
      yield* TestClock.adjust(100)
      const running = yield* Effect.forkChild(Effect.flip(session.query("select slow", [], true)), {
        startImmediately: true
      })
      assert.deepStrictEqual([session.busySince, session.statement, session.isClean()], [100, "select slow", false])
      session.lose()
      session.lose()
      const error = yield* Fiber.join(running)
      assert.strictEqual(error.reason._tag, "ConnectionError")
      assert.strictEqual(SessionError.fromSqlError(error)?.code, "ECONNRESET")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(losses, [session.lost])
      assert.strictEqual(session.busySince, 0)
      const later = yield* Effect.flip(session.query("select slow", [], true))
      assert.strictEqual(later.reason.cause, session.lost)
    })
  )

  it.effect("stays unclean after an interruption until the statement has stopped", () =>
    Effect.gen(function* () {
      const { session } = yield* opened({ statements: { slow: Effect.never }, session: { settleMillis: 40 } })
      const running = yield* Effect.forkChild(session.query("slow", [], true), { startImmediately: true })
      yield* Fiber.interrupt(running)
      assert.isFalse(session.isClean())
      yield* TestClock.adjust(39)
      assert.isFalse(session.isClean())
      yield* TestClock.adjust(1)
      assert.isTrue(session.isClean())
      assert.strictEqual(session.lastReceivedAt(), 40)
    })
  )

  it.effect("is lost when an interrupted statement never stops", () =>
    Effect.gen(function* () {
      const { server, session } = yield* opened({ statements: { slow: [] } })
      session.silence()
      const running = yield* Effect.forkChild(session.query("slow", [], true), { startImmediately: true })
      yield* Fiber.interrupt(running)
      yield* TestClock.adjust(5000)
      assert.strictEqual(session.lost?.reason._tag, "StatementTimeout")
      assert.strictEqual(server.open.size, 0)
    })
  )

  it.effect("answers a probe, and fails it after two seconds when its peer is silent", () =>
    Effect.gen(function* () {
      const { session } = yield* opened()
      yield* TestClock.adjust(3000)
      assert.isTrue(yield* session.probe)
      assert.strictEqual(session.lastReceivedAt(), 3000)
      session.silence()
      const probing = yield* Effect.forkChild(session.probe, { startImmediately: true })
      yield* TestClock.adjust(1999)
      assert.isUndefined(probing.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isFalse(yield* Fiber.join(probing))
    })
  )

  it.effect("is cleared by a recovery, unless what was left behind cannot be", () =>
    Effect.gen(function* () {
      const { opener, server, session } = yield* opened({ statements: { "set role x": [], "load 'lib'": [] } })
      yield* session.query("set role x", [], true)
      assert.isFalse(session.isClean())
      assert.isTrue(yield* session.recover)
      assert.isTrue(session.isClean())
      yield* session.query("BEGIN", [], true)
      assert.isFalse(session.isClean())
      assert.isTrue(yield* session.recover)
      assert.isTrue(session.isClean())
      yield* session.query("load 'lib'", [], true)
      assert.isFalse(yield* session.recover)
      yield* opener.open
      server.session(2).behave({ recovers: false })
      server.session(2).leaveState()
      assert.isFalse(yield* server.session(2).recover)
      assert.throws(() => server.session(3), /2 were opened/)
    })
  )

  it.effect("closes as slowly as its server closes the socket, without being lost", () =>
    Effect.gen(function* () {
      const { server, session } = yield* opened({ session: { closeMillis: 300 } })
      session.onLost = () => assert.fail("closing is not losing")
      const closing = yield* Effect.forkChild(session.close, { startImmediately: true })
      yield* TestClock.adjust(299)
      assert.strictEqual(server.open.size, 1)
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(server.closes, [{ sessionId: 1, at: 300 }])
    })
  )
})

describe("a scripted dial", () => {
  it.effect("follows a scenario that changes while it is played", () =>
    Effect.gen(function* () {
      const { opener, server, session } = yield* opened({ statements: { "select 1": [{ old: true }] } })
      server.change({ statements: { "select 1": [{ old: false }] }, dials: Dial.fails("pooler") })
      assert.deepStrictEqual((yield* session.query("select 1", [], true)).rows, [{ old: false }])
      assert.strictEqual((yield* Effect.flip(opener.open)).class, "pooler")
    })
  )

  it.effect("succeeds late, fails, or hangs until the connect timeout, in the order of the script", () =>
    Effect.gen(function* () {
      const opener = yield* SessionOpener
      const server = yield* ScriptedSessions
      const first = yield* Effect.forkChild(opener.open, { startImmediately: true })
      yield* TestClock.adjust(150)
      assert.strictEqual((yield* Fiber.join(first)).info.timings.authentication, 150)
      assert.strictEqual((yield* Effect.flip(opener.open)).class, "auth")
      const third = yield* Effect.forkChild(Effect.flip(opener.open), { startImmediately: true })
      assert.strictEqual(server.dialing, 1)
      yield* TestClock.adjust(10_000)
      assert.strictEqual((yield* Fiber.join(third)).code, "ETIMEDOUT")
      const fourth = yield* Effect.forkChild(opener.open, { startImmediately: true })
      yield* Fiber.interrupt(fourth)
      assert.deepStrictEqual([server.dialing, server.dialsStarted.length, server.open.size], [0, 4, 1])
    }).pipe(Effect.provide(ScriptedSessions.layer({ dials: [Dial.succeeds(150), Dial.fails("auth"), Dial.hangs] })))
  )

  it("fails with a typical error of the given class", () => {
    const kinds: ReadonlyArray<DialFailureClass> = ["network", "auth", "capacity", "configuration", "pooler"]
    for (const kind of kinds) assert.strictEqual(refusal(kind).class, kind)
    const { reason } = refusal("capacity", { poolSize: 7 })
    assert.strictEqual(reason._tag === "ConnectFailed" ? reason.ceiling : undefined, 7)
  })
})
