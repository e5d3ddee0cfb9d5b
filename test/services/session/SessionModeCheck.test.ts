import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import * as TestClock from "effect/testing/TestClock"
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import type { FailureFacts } from "../../../src/services/errors/catalogue/Entry.ts"
import { type Backend, type FirstLogin, SessionModeCheck } from "../../../src/services/session/SessionModeCheck.ts"

const SERVER = "1800000000.123456"

/** Answers with these backends in turn; a missing one is a connection that has gone. */
const answering = (...backends: ReadonlyArray<Backend>) => {
  const left = [...backends]
  let queries = 0
  const query = () =>
    Effect.suspend(() => {
      queries++
      const next = left.shift()
      return next === undefined
        ? Effect.fail(new SqlError({ reason: new ConnectionError({ cause: new Error("gone"), message: "gone" }) }))
        : Effect.succeed({ rows: [next] })
    })
  return { connection: { query } as unknown as PgConnection, queries: () => queries }
}

const backend = (pid: number, server = SERVER): Backend => ({ pid, server })

const POOLER_KEY = 18

const login = (
  connection: PgConnection,
  another: FirstLogin<unknown>["queryAnother"],
  keyPid = POOLER_KEY
): FirstLogin<SqlError | FailureFacts> => ({
  connection,
  keyPid,
  queryAnother: another,
  remainingMillis: 10_000,
  failing: (failure) => failure
})

const answers = (second: Backend) => (onBackend: (backend: Backend) => void) => Effect.sync(() => onBackend(second))

const notQueried = () => Effect.die(new Error("no second connection is due"))

const session = { connectionType: "supavisor_session", pool: { max: 2 } } as const

describe("SessionModeCheck", () => {
  it.effect("finds the same backend on two connections, and queries the first one again before it reports it", () =>
    Effect.gen(function* () {
      const first = answering(backend(7), backend(8))
      const found = yield* Effect.flip(
        new SessionModeCheck(session).check(login(first.connection, answers(backend(7))))
      )
      assert.deepInclude(found, { errno: "TRANSACTION_MODE" })
      assert.strictEqual(first.queries(), 2)
    })
  )

  it.effect("takes a first connection that is gone meanwhile as having released its backend", () =>
    Effect.gen(function* () {
      const first = answering(backend(7))
      const found = yield* Effect.flip(
        new SessionModeCheck(session).check(login(first.connection, answers(backend(7))))
      )
      assert.instanceOf(found, SqlError)
    })
  )

  it.effect("distinguishes backends of different servers, which may have the same process id", () =>
    Effect.gen(function* () {
      const first = answering(backend(7))
      const other = answers(backend(7, "1900000000.000001"))
      assert.deepStrictEqual(yield* new SessionModeCheck(session).check(login(first.connection, other)), backend(7))
    })
  )

  it.effect("opens no second connection to PostgreSQL itself, nor where max leaves no room for one", () =>
    Effect.gen(function* () {
      yield* new SessionModeCheck(session).check(login(answering(backend(7)).connection, notQueried, 7))
      yield* new SessionModeCheck({ ...session, pool: { max: 1 } }).check(
        login(answering(backend(7)).connection, notQueried)
      )
    })
  )

  for (const connectionType of ["supavisor_transaction", "embedded"] as const) {
    it.effect(`queries nothing under ${connectionType}, which has no sessions or needs no proof`, () =>
      Effect.gen(function* () {
        const first = answering()
        const check = new SessionModeCheck({ ...session, connectionType })
        assert.isUndefined(yield* check.check(login(first.connection, notQueried)))
        assert.strictEqual(first.queries(), 0)
      })
    )
  }

  it.effect("is made once, and again only after it failed", () =>
    Effect.gen(function* () {
      const check = new SessionModeCheck(session)
      const once = (...backends: ReadonlyArray<Backend>) =>
        check.check(login(answering(...backends).connection, answers(backend(7))))
      yield* Effect.flip(once())
      yield* Effect.flip(once(backend(7), backend(7)))
      assert.deepStrictEqual(yield* once(backend(6)), backend(6))
      assert.isUndefined(yield* once())
      assert.isDefined(check.contradiction(backend(6), 9))
      yield* Effect.flip(once(backend(7), backend(7)))
    })
  )

  it.effect("continues when the second connection fails, or has not answered after two seconds", () =>
    Effect.gen(function* () {
      const refused = () => Effect.fail("refused")
      yield* new SessionModeCheck(session).check(login(answering(backend(7)).connection, refused))
      const waiting = yield* Effect.forkChild(
        new SessionModeCheck(session).check(login(answering(backend(7)).connection, () => Effect.never))
      )
      yield* TestClock.adjust(1999)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(waiting), backend(7))
    })
  )

  it.effect("leaves the first connection half of the remaining time", () =>
    Effect.gen(function* () {
      const short = { ...login(answering(backend(7)).connection, () => Effect.never), remainingMillis: 300 }
      const waiting = yield* Effect.forkChild(new SessionModeCheck(session).check(short))
      yield* TestClock.adjust(150)
      assert.deepStrictEqual(yield* Fiber.join(waiting), backend(7))
    })
  )

  it("accepts settings that reach the queried backend, or any when none was queried", () => {
    const check = new SessionModeCheck(session)
    assert.isUndefined(check.contradiction(backend(7), 7))
    assert.isUndefined(check.contradiction(undefined, 7))
    assert.deepInclude(check.contradiction(backend(7), 8), { errno: "TRANSACTION_MODE" })
  })
})
