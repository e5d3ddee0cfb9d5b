/** What can happen to a pool under test, and the choices behind it. */
import type { PoolLimits } from "../../../src/services/pool/core/PoolCore.ts"
import type { AcquireOutcome } from "../../../src/services/pool/core/Snapshot.ts"
import { type ErrorClass, SessionError } from "../../../src/services/errors/SessionError.ts"

export type Deed =
  | "acquire"
  | "release"
  | "speak"
  | "answer dial"
  | "refuse dial"
  | "lose"
  | "answer probe"
  | "fail probe"
  | "recover"
  | "fail recovery"
  | "close"
  | "pass"
  | "tick"
  | "hear"
  | "spoil"
  | "evict"
  | "drain"

/** One command: what, on which of the candidates, and in which variant. */
export interface Command {
  readonly deed: Deed
  readonly pick: number
  readonly how: number
}

export interface Setting {
  readonly limits: PoolLimits
  /** What `random` returns, in turn. */
  readonly dice: ReadonlyArray<number>
  /** How the questions of the pool are answered, in turn: 0 later, 1 well, 2 badly; nothing: all later. */
  readonly reactions: ReadonlyArray<number>
}

const TIMED_OUT = SessionError.acquireTimeout({ waitedMillis: 0, poolName: "test", state: "", holders: [] })
const FULL = SessionError.queueFull({ maxWaiting: 0, state: "" })
const CLOSED = SessionError.poolClosed({ draining: true })
export const DIAL_ERROR = SessionError.connectFailed({
  host: "pooler.invalid",
  port: 5432,
  phase: "tcp",
  elapsedMillis: 0,
  failure: new Error("refused")
})

export const OUTCOMES: ReadonlyMap<SessionError, AcquireOutcome> = new Map([
  [TIMED_OUT, "timeout"],
  [FULL, "queue-full"],
  [CLOSED, "closed"],
  [DIAL_ERROR, "failed"]
])

export const REFUSAL = { timeout: TIMED_OUT, "queue-full": FULL, closed: CLOSED } as const

/** Classes of failed dials. */
export const CLASSES: ReadonlyArray<ErrorClass> = [
  "capacity",
  "network",
  "auth",
  "capacity",
  "pooler",
  "configuration",
  "network"
]
/** How long a borrower waits, in milliseconds. */
export const PATIENCE: ReadonlyArray<number> = [50, 2000, 30_000, 3_600_000, 3_600_000]
/** Time that passes unnoticed, in milliseconds. */
export const MOMENTS: ReadonlyArray<number> = [1, 20, 100, 400]
/** Time that passes until the pool is looked over, in milliseconds. */
export const SPANS: ReadonlyArray<number> = [10, 300, 600, 1500, 4000, 35_000, 200_000]
