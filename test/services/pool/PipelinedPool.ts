/** Single statements against a scripted pool: each caller is a fiber, and each answer comes when the test says so. */
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

/** What is gathered in one turn of the event loop is written at its end. */
export const turn: Effect.Effect<void> = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** The server ended a session before it can have read what was asked last. */
export const neverRead = (): SessionError =>
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
  /** Why it failed, as the catalogue has it. */
  readonly reason: () => string | undefined
  readonly leave: Effect.Effect<void>
}

type Pool = SessionPool["Service"]

/** Starts a caller; its statement is written at the end of this turn, if there is room. */
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
      leave: Effect.sync(() => fiber.interruptUnsafe())
    }
  })

/** Several callers in one turn. */
export const callMany = (pool: Pool, count: number, sql: string = QUICK): Effect.Effect<ReadonlyArray<Caller>> =>
  Effect.forEach(Array.from({ length: count }), () => call(pool, sql))

/** Has texts known to be quick: each runs once, alone. */
export const learn = (pool: Pool, ...texts: ReadonlyArray<string>): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    for (const sql of texts) yield* Effect.withFiber((holder) => pool.run(holder, sql, [], { isShared: true }))
    yield* turn
  })

/** Answers that wait until the test gives them, in the order in which they were asked for. */
export class Answers {
  /** From then on statements wait. */
  isHeld = false
  private waiting: Array<Deferred.Deferred<Outcome, SqlError>> = []

  get size(): number {
    return this.waiting.length
  }

  readonly answer = Effect.suspend((): Effect.Effect<Outcome, SqlError> => {
    if (!this.isHeld) return Effect.succeed([{ n: 0 }])
    const gate = Deferred.makeUnsafe<Outcome, SqlError>()
    this.waiting.push(gate)
    return Deferred.await(gate)
  })

  /** Answers the first so many that still wait. */
  give(count: number, outcome: Outcome | SqlError = [{ n: 1 }]): Effect.Effect<void> {
    return Effect.andThen(
      Effect.sync(() => {
        for (const gate of this.waiting.splice(0, count)) Deferred.doneUnsafe(gate, Effect.succeed(outcome as Outcome))
      }),
      turn
    )
  }

  /** A script in which the quick statement is answered like that. */
  get statements(): Statements {
    return [
      [QUICK, this.answer],
      ["select rows", [{ n: 1 }]],
      [/./, Effect.delay(Effect.succeed([]), 5)]
    ]
  }
}

/** Passes time and lets what came of it happen. */
export const pass = (millis: number): Effect.Effect<void> => Effect.andThen(TestClock.adjust(millis), turn)

/** A pool with one idle session, whose quick statement is known as such and waits for its answer from now on. */
export const pipelined = (
  pool: SettingsInput["pool"],
  body: (scenario: Scenario & { readonly answers: Answers }) => Effect.Effect<void, unknown>
) => {
  const answers = new Answers()
  return withPool({ statements: answers.statements }, { pool: { pipeline: 4, max: 1, ...pool } }, (scenario) =>
    Effect.gen(function* () {
      yield* learn(scenario.pool, QUICK)
      answers.isHeld = true
      yield* body({ ...scenario, answers })
      answers.isHeld = false
      yield* answers.give(answers.size)
      const { used, waiting } = yield* scenario.pool.snapshot
      assert.deepStrictEqual({ used, waiting }, { used: 0, waiting: 0 })
    })
  )
}
