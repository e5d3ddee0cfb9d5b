import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import fc from "fast-check"
import { Dial, serverError } from "../../../src/testing/ScriptedSessions.ts"
import { type Scenario, withPool } from "./PoolScenario.ts"
import { HeldResults, call, callMany, makeQuick, neverExecuted, advance, QUICK, turn } from "./PipelinedPool.ts"

/** No caller holds or waits for a session, and a session can be acquired. */
const assertNothingLeft = ({ pool }: Scenario) =>
  Effect.gen(function* () {
    const { closing, connecting, used, waiting } = yield* pool.snapshot
    assert.deepStrictEqual({ closing, connecting, used, waiting }, { closing: 0, connecting: 0, used: 0, waiting: 0 })
    const acquiring = yield* Effect.forkChild(
      pool.use(() => Effect.succeed("acquired")),
      { startImmediately: true }
    )
    yield* TestClock.adjust(10_000)
    assert.strictEqual(yield* Fiber.join(acquiring), "acquired")
  })

/** Four callers that share the only session of a pool. */
const four = (
  body: (
    scenario: Scenario & { readonly answers: HeldResults },
    callers: Effect.Success<ReturnType<typeof callMany>>
  ) => Effect.Effect<void, unknown>
) => {
  const answers = new HeldResults()
  return withPool({ statements: answers.statements }, { pool: { max: 1, pipeline: 4 } }, (scenario) =>
    Effect.gen(function* () {
      yield* makeQuick(scenario.pool, QUICK)
      answers.isHeld = true
      const callers = yield* callMany(scenario.pool, 4)
      yield* turn
      yield* body({ ...scenario, answers }, callers)
      yield* assertNothingLeft(scenario)
    })
  )
}

describe("an interrupted caller on a shared session", () => {
  for (const place of [0, 1, 3]) {
    it.effect(`does not affect the others, at position ${place + 1} of 4`, () =>
      four(({ answers, pool }, callers) =>
        Effect.gen(function* () {
          yield* callers[place]!.interrupt
          yield* advance(100)
          assert.strictEqual((yield* pool.snapshot).used, 1)
          yield* answers.answer(4)
          for (const [index, caller] of callers.entries()) {
            assert.strictEqual(caller.exit()?._tag, index === place ? "Failure" : "Success")
          }
          yield* advance(100)
          assert.deepInclude(yield* pool.snapshot, { used: 0, idle: 1 })
        })
      )
    )
  }

  it.effect("cancels all statements when it is the last one, and the session is clean before its next use", () =>
    four(({ pool }, callers) =>
      Effect.gen(function* () {
        for (const caller of callers) yield* caller.interrupt
        const next = yield* call(pool)
        yield* turn
        assert.isUndefined(next.exit())
        assert.strictEqual((yield* pool.snapshot).counters.recoveries, 1)
        yield* advance(100)
        assert.strictEqual((yield* pool.snapshot).counters.closed["not-recovered"], 0)
        yield* next.interrupt
        yield* advance(100)
      })
    )
  )

  it.effect("leaves no statement behind when the other callers were answered before", () =>
    four(({ answers, pool }, callers) =>
      Effect.gen(function* () {
        yield* callers[3]!.interrupt
        yield* answers.answer(3)
        assert.isTrue(callers.slice(0, 3).every((caller) => caller.exit()?._tag === "Success"))
        yield* advance(100)
        assert.deepInclude(yield* pool.snapshot, { used: 0, idle: 1 })
      })
    )
  )

  it.effect("leaves no lease behind when it is interrupted by another caller's result", () => {
    const answers = new HeldResults()
    return withPool({ statements: answers.statements }, { pool: { max: 1, pipeline: 4 } }, (scenario) =>
      Effect.gen(function* () {
        const { pool } = scenario
        yield* makeQuick(pool, QUICK)
        answers.isHeld = true
        const one = Effect.withFiber((holder) => pool.run(holder, QUICK, []))
        const race = yield* Effect.forkChild(Effect.raceFirst(one, one), { startImmediately: true })
        yield* turn
        assert.strictEqual(answers.size, 2)
        yield* answers.answer(1)
        yield* Fiber.join(race)
        yield* advance(100)
        yield* assertNothingLeft(scenario)
      })
    )
  })
})

describe("the loss of a shared session", () => {
  it.effect("fails each statement in flight once, as lost and retryable", () =>
    four(({ answers, pool, server }, callers) =>
      Effect.gen(function* () {
        yield* answers.answer(1)
        server.session(1).lose()
        yield* turn
        yield* advance(100)
        assert.strictEqual(callers[0]!.exit()?._tag, "Success")
        for (const caller of callers.slice(1)) {
          assert.strictEqual(caller.reason(), "SessionLost")
          const exit = caller.exit()
          const [reason] = exit?._tag === "Failure" ? exit.cause.reasons : []
          assert.isTrue(reason?._tag === "Fail" && reason.error.isRetryable)
        }
        answers.isHeld = false
        yield* call(pool)
        yield* advance(100)
        assert.strictEqual((yield* pool.snapshot).open, 1)
      })
    )
  )

  it.effect("before the server read anything has the statements run on another session without an error", () =>
    four(({ answers, pool, server }, callers) =>
      Effect.gen(function* () {
        answers.isHeld = false
        server.session(1).lose(neverExecuted())
        yield* turn
        yield* advance(100)
        assert.isTrue(callers.every((caller) => caller.exit()?._tag === "Success"))
        assert.strictEqual(server.statements.filter(({ sessionId }) => sessionId === 2).length, 4)
        assert.deepInclude(yield* pool.snapshot, { used: 0, idle: 1 })
      })
    )
  )

  it.effect("again and again is an error in the end", () =>
    four(({ server }, callers) =>
      Effect.gen(function* () {
        for (let session = 1; session <= 3; session++) {
          assert.isTrue(callers.every((caller) => caller.exit() === undefined))
          server.session(session).lose(neverExecuted())
          yield* turn
          yield* advance(1000)
        }
        assert.isTrue(callers.every((caller) => caller.reason() === "SessionLost"))
      })
    )
  )

  it.effect("does not retry a statement whose caller was interrupted", () =>
    four(({ answers, server }, callers) =>
      Effect.gen(function* () {
        answers.isHeld = false
        yield* callers[0]!.interrupt
        server.session(1).lose(neverExecuted())
        yield* turn
        yield* advance(100)
        assert.strictEqual(server.statements.filter(({ sessionId }) => sessionId === 2).length, 3)
      })
    )
  )
})

interface Caller {
  readonly shares: boolean
  readonly sql: string
  /** When the caller starts, and how long after that it is interrupted. */
  readonly startsAt: number
  readonly interruptedAfter: number
}

const caller: fc.Arbitrary<Caller> = fc.record({
  shares: fc.boolean(),
  sql: fc.constantFrom(QUICK, "select quick too", "select failing", "select 9 ms", "set a = 'b'"),
  startsAt: fc.integer({ min: 0, max: 40 }),
  interruptedAfter: fc.integer({ min: 0, max: 60 })
})

const disturbance = fc.record({
  at: fc.integer({ min: 1, max: 60 }),
  how: fc.constantFrom("lose" as const, "lose unread" as const, "silence" as const)
})

describe("shared sessions", () => {
  it("leave nothing behind and answer each caller once, whatever is interrupted or lost", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(caller, { minLength: 1, maxLength: 16 }),
        fc.array(disturbance, { maxLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 15 }),
        (callers, disturbances, max, pipeline, dialMillis) =>
          withPool(
            {
              statements: [
                [QUICK, []],
                ["select quick too", Effect.delay(Effect.succeed([]), 2)],
                ["select failing", serverError("22012", "division by zero")],
                ["select 9 ms", Effect.delay(Effect.succeed([]), 9)],
                [/^set/, []]
              ],
              dials: (number) => (number % 4 === 0 ? Dial.fails("network", dialMillis) : Dial.succeeds(dialMillis)),
              session: { settleMillis: 3, closeMillis: 2 }
            },
            { pool: { max, pipeline, acquireTimeout: 5000 }, statementTimeout: 300 },
            (scenario) =>
              Effect.gen(function* () {
                const { pool, server } = scenario
                const fibers = yield* Effect.forEach(callers, (one) =>
                  Effect.forkChild(
                    Effect.gen(function* () {
                      yield* Effect.sleep(one.startsAt)
                      const caller = yield* call(pool, one.sql, { isShared: one.shares })
                      if (one.interruptedAfter > 0) yield* Effect.sleep(one.interruptedAfter)
                      yield* caller.interrupt
                      yield* Fiber.await(caller.fiber)
                    })
                  )
                )
                for (const { at, how } of disturbances) {
                  yield* Effect.forkChild(
                    Effect.andThen(
                      Effect.sleep(at),
                      Effect.sync(() => {
                        const [session] = server.open
                        if (how === "silence") session?.silence()
                        else session?.lose(how === "lose" ? undefined : neverExecuted())
                      })
                    )
                  )
                }
                for (let passed = 0; passed < 120; passed += 4) yield* advance(4)
                for (let passed = 0; passed < 30_000; passed += 500) yield* advance(500)
                for (const fiber of fibers) yield* Fiber.join(fiber)
                yield* assertNothingLeft(scenario)
                const { acquired } = (yield* pool.snapshot).counters
                const times = yield* pool.times
                // The last statement is that of the assertion itself.
                assert.strictEqual(acquired.immediate + acquired.waited, times.waitTime.count)
                assert.strictEqual(acquired.immediate + acquired.waited, times.useTime.count)
              })
          ).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)
      ),
      { numRuns: 150 }
    ))
})
