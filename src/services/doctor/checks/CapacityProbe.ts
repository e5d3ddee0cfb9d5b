/** Counts how many sessions a pooler grants by taking them all, for a moment. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SessionError } from "../../errors/SessionError.ts"
import { login } from "./Client.ts"
import type { Examination } from "./DoctorContext.ts"

/** Supabase's largest default pool size is below this (ConnectionPooling.constants.ts of supabase/supabase). */
export const MOST_PROBED = 100

/** What the probe found. */
export interface Probed {
  /** Sessions held at the same time, the doctor's first one included. */
  readonly held: number
  /** What ended the probe; undefined when it was its own bound. */
  readonly refusal: SessionError | undefined
}

/** Opens sessions until one is refused, the bound is reached or the time is over, and closes them all. */
export const probeCapacity = (examination: Examination, limitMillis: number): Effect.Effect<Probed> =>
  Effect.gen(function* () {
    const { now } = examination
    const deadline = now() + limitMillis
    const scope = yield* Scope.make("parallel")
    let held = examination.client === undefined ? 0 : 1
    const takeAll = Effect.gen(function* () {
      while (held < MOST_PROBED && now() < deadline) {
        const opened = yield* Effect.result(Scope.provide(login(examination, Math.max(1, deadline - now())), scope))
        if (opened._tag === "Failure") return opened.failure
        held++
      }
      return undefined
    })
    const refusal = yield* Effect.ensuring(takeAll, Scope.close(scope, Exit.void))
    return { held, refusal }
  })
