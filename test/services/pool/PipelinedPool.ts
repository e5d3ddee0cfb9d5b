/** Single statements against a scripted pool: every caller is a fiber, and the test decides when a result arrives. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { SqlError } from "effect/sql/SqlError"
import * as TestClock from "effect/testing/TestClock"
import type { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import type { Outcome, Statements } from "../../../src/testing/ScriptedSessions.ts"
import { type Scenario, withPool } from "./PoolScenario.ts"
import { SessionError } from "../../../src/services/errors/SessionError.ts"

export const QUICK = "select quick"

/** Waits for the end of a turn of the event loop, when the statements of the turn are written. */
export const turn: Effect.Effect<void> = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** The error of a session that ended before the server can have read the last statement. */
export const neverExecuted = (): SessionError =>
  SessionError.sessionLost({
    host: "scripted.invalid",
    port: 5432,
    failure: { severity: "FATAL", sqlState: "57P01", serverMessage: "terminating connection" },
    elapsedMillis: 0,
    statementInFlight: false
  })

/** One caller of one statement. */
export interface Caller {
  readonly fiber: Fiber.Fiber<ReadonlyArray<object>, SqlError>
  readonly exit: () => Exit.Exit<ReadonlyArray<object>, SqlError> | undefined
  /** The tag of its error. */
  readonly reason: () => string | undefined
  readonly interrupt: Effect.Effect<void>
}

type Pool = SessionPool["Service"]

/** Starts a caller. Its statement is written at the end of this turn if there is room. */
export const call = (
  pool: Pool,
  sql: string = QUICK,
  options: { readonly params?: ReadonlyArray<unknown>; readonly isShared?: boolean } = {}
): Effect.Effect<Caller> =>
  Effect.gen(function* () {
    const { isShared, params = [] } = options
    const fiber = yield* Effect.forkDetach(
      Effect.withFiber((holder) => pool.run(holder, sql, params, { isShared })),
      { startImmediately: true }
    )
    const exit = () => fiber.pollUnsafe()
    return {
      fiber,
      exit,
      reason: () => {
        const failure = exit()
        if (failure?._tag !== "Failure") return undefined
        const [reason] = failure.cause.reasons
        if (reason?._tag !== "Fail") return reason?._tag
        return SessionError.fromSqlError(reason.error)?.reason._tag ?? reason.error.reason._tag
      },
      interrupt: Effect.sync(() => fiber.interruptUnsafe())
    }
  })

/** Starts several callers in one turn. */
export const callMany = (pool: Pool, count: number, sql: string = QUICK): Effect.Effect<ReadonlyArray<Caller>> =>
  Effect.forEach(Array.from({ length: count }), () => call(pool, sql))

/** Runs each text once, alone, so that it is known to be quick. */
export const makeQuick = (pool: Pool, ...texts: ReadonlyArray<string>): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    for (const sql of texts) yield* Effect.withFiber((holder) => pool.run(holder, sql, [], { isShared: true }))
    yield* turn
  })

/** Results that wait until the test releases them, in the order of the statements. */
export class HeldResults {
  /** Whether new statements wait. */
  isHeld = false
  private waiting: Array<Deferred.Deferred<Outcome, SqlError>> = []

  get size(): number {
    return this.waiting.length
  }

  readonly result = Effect.suspend((): Effect.Effect<Outcome, SqlError> => {
    if (!this.isHeld) return Effect.succeed([{ n: 0 }])
    const deferred = Deferred.makeUnsafe<Outcome, SqlError>()
    this.waiting.push(deferred)
    return Deferred.await(deferred)
  })

  /** Answers the first statements that still wait. */
  answer(count: number, outcome: Outcome | SqlError = [{ n: 1 }]): Effect.Effect<void> {
    return Effect.andThen(
      Effect.sync(() => {
        for (const one of this.waiting.splice(0, count)) Deferred.doneUnsafe(one, Effect.succeed(outcome as Outcome))
      }),
      turn
    )
  }

  /** A script that answers the quick statement with these results. */
  get statements(): Statements {
    return [
      [QUICK, this.result],
      ["select rows", [{ n: 1 }]],
      [/./, Effect.delay(Effect.succeed([]), 5)]
    ]
  }
}

/** Advances the clock and waits for the end of the turn. */
export const advance = (millis: number): Effect.Effect<void> => Effect.andThen(TestClock.adjust(millis), turn)

/** A pool with one idle session, whose quick statement is known to be quick and waits for its result from now on. */
export const pipelined = (
  pool: SettingsInput["pool"],
  body: (scenario: Scenario & { readonly answers: HeldResults }) => Effect.Effect<void, unknown>
) => {
  const answers = new HeldResults()
  return withPool({ statements: answers.statements }, { pool: { pipeline: 4, max: 1, ...pool } }, (scenario) =>
    Effect.gen(function* () {
      yield* makeQuick(scenario.pool, QUICK)
      answers.isHeld = true
      yield* body({ ...scenario, answers })
      answers.isHeld = false
      yield* answers.answer(answers.size)
      const { used, waiting } = yield* scenario.pool.snapshot
      assert.deepStrictEqual({ used, waiting }, { used: 0, waiting: 0 })
    })
  )
}
