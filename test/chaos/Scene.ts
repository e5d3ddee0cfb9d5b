/** What works against a pool, and everything that is remembered of it for the checks. */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { SessionPool } from "../../src/services/pool/SessionPool.ts"
import type { CommitBook } from "./CommitBook.ts"
import type { Findings } from "./Findings.ts"

export interface Scene {
  readonly pool: SessionPool["Service"]
  readonly sql: PgClient
  readonly book: CommitBook
  readonly findings: Findings
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds between two instants in which this process could not run, and nothing in it could be on time. */
  readonly stalled: (from: number, to: number) => number
  /** Operations under way, with the instant by which each must have settled. */
  readonly running: Map<symbol, { readonly name: string; readonly due: () => number }>
  /** Who holds which session, by session id. */
  readonly holders: Map<number, string>
  /** How operations ended, by name and outcome. */
  readonly outcomes: Map<string, number>
  /** Called with every failure an operation ended with. */
  readonly onFailure: (error: unknown) => void
}

/** How much later than its deadline an operation may settle. */
export const GRACE_MILLIS = 250

/** How long an operation is given, and when it is interrupted before. */
export interface Patience {
  readonly limitMillis: number
  readonly interruptAfterMillis: number | undefined
}

/** How an operation ended. */
export type Ending<A, E> =
  | { readonly _tag: "Done"; readonly value: A }
  | { readonly _tag: "Failed"; readonly error: E }
  | { readonly _tag: "OutOfTime" }
  | { readonly _tag: "Interrupted" }

/** Runs an operation under a deadline, perhaps interrupts it, and notes when it does not settle in time. */
export const attempt = <A, E>(
  scene: Scene,
  name: string,
  patience: Patience,
  operation: Effect.Effect<A, E>
): Effect.Effect<Ending<A, E>> =>
  Effect.gen(function* () {
    const key = Symbol(name)
    const started = scene.now()
    let due = started + patience.limitMillis
    let settled = started
    scene.running.set(key, { name, due: () => due })
    const bounded = operation.pipe(
      Effect.map((value): Ending<A, E> => ({ _tag: "Done", value })),
      Effect.catch((error: E) => Effect.succeed<Ending<A, E>>({ _tag: "Failed", error })),
      Effect.timeoutOrElse({
        duration: patience.limitMillis,
        orElse: () => Effect.succeed<Ending<A, E>>({ _tag: "OutOfTime" })
      })
    )
    const fiber = yield* Effect.forkChild(bounded, { startImmediately: true })
    fiber.addObserver(() => {
      settled = scene.now()
    })
    if (patience.interruptAfterMillis !== undefined) {
      yield* Effect.sleep(patience.interruptAfterMillis)
      due = Math.min(due, scene.now())
      fiber.interruptUnsafe()
    }
    const exit = yield* Fiber.await(fiber)
    scene.running.delete(key)
    const late = settled - due
    if (late > GRACE_MILLIS && late - scene.stalled(due, settled) > GRACE_MILLIS) {
      scene.findings.add(`a ${name} of ${patience.limitMillis} ms settled ${late.toFixed(0)} ms after it was due`)
    }
    const ending: Ending<A, E> = exit._tag === "Success" ? exit.value : { _tag: "Interrupted" }
    if (exit._tag === "Failure") {
      const defect = exit.cause.reasons.find((reason) => reason._tag === "Die")
      if (defect !== undefined) scene.findings.add(`a ${name} died: ${String(defect.defect)}`)
    }
    if (ending._tag === "Failed") scene.onFailure(ending.error)
    const outcome = `${name} ${ending._tag}`
    scene.outcomes.set(outcome, (scene.outcomes.get(outcome) ?? 0) + 1)
    return ending
  })
