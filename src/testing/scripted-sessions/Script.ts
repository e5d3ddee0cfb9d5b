/** What scripted sessions and the dials that bring them about do, as the writer of a test says it. */
import * as Effect from "effect/Effect"
import type { SessionError } from "../../services/errors/SessionError.ts"
import { type DialFailureClass, refusal } from "./Failures.ts"
import type { Statements } from "./Statements.ts"

/** How one session behaves; all optional. Times are milliseconds of the Clock. */
export interface SessionScript {
  /** Statements beyond the script's own; they come first. */
  readonly statements?: Statements | undefined
  /** How long every statement, probe and recovery takes at least; default 0. */
  readonly roundTripMillis?: number | undefined
  /** What a recovery says; default: true, unless something was left behind that cannot be cleared. */
  readonly recovers?: boolean | undefined
  /** How long the server takes to hang up after the goodbye; default 0. */
  readonly closeMillis?: number | undefined
  /** How long an interrupted statement takes to stop; default 10, the grace a real session gives it. */
  readonly settleMillis?: number | undefined
  /** Whether the peer is heard of without being asked, as a pooler with a heartbeat is; default false. */
  readonly heartbeat?: boolean | undefined
}

/** How one dial goes. Times are milliseconds of the Clock. */
export type DialOutcome =
  | { readonly _tag: "Succeeds"; readonly afterMillis: number; readonly session: SessionScript }
  | { readonly _tag: "Fails"; readonly afterMillis: number; readonly error: SessionError }
  | { readonly _tag: "Hangs" }

/** The ways a dial can go. */
export const Dial = {
  /** A session after so many milliseconds, which may behave in its own way. */
  succeeds: (afterMillis = 0, session: SessionScript = {}): DialOutcome => ({ _tag: "Succeeds", afterMillis, session }),
  /** A failure after so many milliseconds: a class of failures, or one of them. */
  fails: (failure: DialFailureClass | SessionError, afterMillis = 0): DialOutcome => ({
    _tag: "Fails",
    afterMillis,
    error: typeof failure === "string" ? refusal(failure) : failure
  }),
  /** No answer, until the script's connect timeout runs out. */
  hangs: { _tag: "Hangs" } as DialOutcome
}

/** How dials go: one outcome for all of them, the first ones in order and the last for all after it, or by number. */
export type Dials = DialOutcome | ReadonlyArray<DialOutcome> | ((number: number) => DialOutcome)

/** The dial with that number, from 1. */
export const outcomeOf = (dials: Dials, number: number): DialOutcome => {
  if (typeof dials === "function") return dials(number)
  if ("_tag" in dials) return dials
  return dials[number - 1] ?? dials[dials.length - 1] ?? Dial.succeeds()
}

/** A scenario; all optional. */
export interface Script {
  /** What is answered on every session. Transaction control, LISTEN and `pg_notify` are answered anyway. */
  readonly statements?: Statements | undefined
  /** Default: every dial succeeds at once. */
  readonly dials?: Dials | undefined
  /** How every session behaves, where its dial does not say otherwise. */
  readonly session?: SessionScript | undefined
  /** When a dial that hangs fails, in milliseconds; default 10 000, as the setting `connectTimeout`. */
  readonly connectTimeoutMillis?: number | undefined
}

/** Waits on the Clock; no time at all does not even yield. */
export const pause = (millis: number): Effect.Effect<void> => (millis > 0 ? Effect.sleep(millis) : Effect.void)
