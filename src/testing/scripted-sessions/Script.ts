/** The script of a test: how sessions and dials behave. */
import * as Effect from "effect/Effect"
import type { SessionError } from "../../services/errors/SessionError.ts"
import { type DialFailureClass, refusal } from "./Failures.ts"
import type { Statements } from "./Statements.ts"

/** How one session behaves; all optional. Times are milliseconds of the Clock. */
export interface SessionScript {
  /** Statements of this session; they take precedence over those of the script. */
  readonly statements?: Statements | undefined
  /** How long every statement, probe and recovery takes at least; default 0. */
  readonly roundTripMillis?: number | undefined
  /** Whether a recovery succeeds; default: true, unless the session has state that a reset does not clear. */
  readonly recovers?: boolean | undefined
  /** How long the server takes to close the socket after Terminate; default 0. */
  readonly closeMillis?: number | undefined
  /** How long an interrupted statement takes to stop; default 10, what a real session waits before it cancels. */
  readonly settleMillis?: number | undefined
  /** Whether the peer sends something at any time, as a pooler with a heartbeat does; default false. */
  readonly heartbeat?: boolean | undefined
}

/** The outcome of one dial. Times are milliseconds of the Clock. */
export type DialOutcome =
  | { readonly _tag: "Succeeds"; readonly afterMillis: number; readonly session: SessionScript }
  | { readonly _tag: "Fails"; readonly afterMillis: number; readonly error: SessionError }
  | { readonly _tag: "Hangs" }

/** Makes outcomes of dials. */
export const Dial = {
  /** A session after so many milliseconds; `session` overrides the script's behaviour of sessions. */
  succeeds: (afterMillis = 0, session: SessionScript = {}): DialOutcome => ({ _tag: "Succeeds", afterMillis, session }),
  /** A failure after so many milliseconds: a typical one of a class, or a given error. */
  fails: (failure: DialFailureClass | SessionError, afterMillis = 0): DialOutcome => ({
    _tag: "Fails",
    afterMillis,
    error: typeof failure === "string" ? refusal(failure) : failure
  }),
  /** No answer, until the script's connect timeout runs out. */
  hangs: { _tag: "Hangs" } as DialOutcome
}

/** Outcomes of dials: one for all, a list whose last entry repeats, or a function of the dial's number (from 1). */
export type Dials = DialOutcome | ReadonlyArray<DialOutcome> | ((number: number) => DialOutcome)

export const outcomeOf = (dials: Dials, number: number): DialOutcome => {
  if (typeof dials === "function") return dials(number)
  if ("_tag" in dials) return dials
  return dials[number - 1] ?? dials[dials.length - 1] ?? Dial.succeeds()
}

/** A scenario; all optional. */
export interface Script {
  /** Answers on every session. Transaction control, LISTEN and `pg_notify` need none. */
  readonly statements?: Statements | undefined
  /** Default: every dial succeeds at once. */
  readonly dials?: Dials | undefined
  /** Behaviour of every session; a dial may override it. */
  readonly session?: SessionScript | undefined
  /** When a dial that hangs fails, in milliseconds; default 10 000, as the setting `connectTimeout`. */
  readonly connectTimeoutMillis?: number | undefined
}

/** Waits on the Clock; 0 does not yield. */
export const pause = (millis: number): Effect.Effect<void> => (millis > 0 ? Effect.sleep(millis) : Effect.void)
