/** The pool and client under test, and the records that the checks need. */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { SessionPool } from "../../src/services/pool/SessionPool.ts"
import type { CommitLog } from "./CommitLog.ts"
import type { Violations } from "./Violations.ts"

export interface WorkContext {
  readonly pool: SessionPool["Service"]
  readonly sql: PgClient
  readonly commits: CommitLog
  readonly violations: Violations
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds between two instants in which this process could not run. */
  readonly stalled: (from: number, to: number) => number
  /** Operations in progress, with the instant by which each must have ended. */
  readonly running: Map<symbol, { readonly name: string; readonly due: () => number }>
  /** The holders of sessions, by session id. */
  readonly holders: Map<number, string>
  /** How operations ended, by name and outcome. */
  readonly outcomes: Map<string, number>
  /** Called with every failure an operation ended with. */
  readonly onFailure: (error: unknown) => void
}

/** How much later than its deadline an operation may end. */
export const GRACE_MILLIS = 250

/** The timeout of an operation, and when it is interrupted before. */
export interface OperationLimits {
  readonly limitMillis: number
  readonly interruptAfterMillis: number | undefined
}

export type Outcome<A, E> =
  | { readonly _tag: "Done"; readonly value: A }
  | { readonly _tag: "Failed"; readonly error: E }
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Interrupted" }

/** Runs an operation with a timeout, interrupts it where its limits say so, and reports one that ends late. */
export const attempt = <A, E>(
  context: WorkContext,
  name: string,
  limits: OperationLimits,
  operation: Effect.Effect<A, E>
): Effect.Effect<Outcome<A, E>> =>
  Effect.gen(function* () {
    const key = Symbol(name)
    const started = context.now()
    let due = started + limits.limitMillis
    let ended = started
    context.running.set(key, { name, due: () => due })
    const bounded = operation.pipe(
      Effect.map((value): Outcome<A, E> => ({ _tag: "Done", value })),
      Effect.catch((error: E) => Effect.succeed<Outcome<A, E>>({ _tag: "Failed", error })),
      Effect.timeoutOrElse({
        duration: limits.limitMillis,
        orElse: () => Effect.succeed<Outcome<A, E>>({ _tag: "TimedOut" })
      })
    )
    const fiber = yield* Effect.forkChild(bounded, { startImmediately: true })
    fiber.addObserver(() => {
      ended = context.now()
    })
    if (limits.interruptAfterMillis !== undefined) {
      yield* Effect.sleep(limits.interruptAfterMillis)
      due = Math.min(due, context.now())
      fiber.interruptUnsafe()
    }
    const exit = yield* Fiber.await(fiber)
    context.running.delete(key)
    const late = ended - due
    if (late > GRACE_MILLIS && late - context.stalled(due, ended) > GRACE_MILLIS) {
      context.violations.add(`a ${name} of ${limits.limitMillis} ms ended ${late.toFixed(0)} ms too late`)
    }
    const outcome: Outcome<A, E> = exit._tag === "Success" ? exit.value : { _tag: "Interrupted" }
    if (exit._tag === "Failure") {
      const defect = exit.cause.reasons.find((reason) => reason._tag === "Die")
      if (defect !== undefined) context.violations.add(`a ${name} died: ${String(defect.defect)}`)
    }
    if (outcome._tag === "Failed") context.onFailure(outcome.error)
    const label = `${name} ${outcome._tag}`
    context.outcomes.set(label, (context.outcomes.get(label) ?? 0) + 1)
    return outcome
  })
