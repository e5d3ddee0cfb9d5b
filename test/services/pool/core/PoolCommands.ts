/** The commands of the model test, and the values that they choose from. */
import type { PoolLimits } from "../../../../src/services/pool/core/PoolCore.ts"
import type { AcquireOutcome } from "../../../../src/services/pool/core/Snapshot.ts"
import { type ErrorClass, SessionError } from "../../../../src/services/errors/SessionError.ts"

export type Action =
  | "acquire"
  | "release"
  | "run statement"
  | "complete dial"
  | "fail dial"
  | "lose session"
  | "answer probe"
  | "fail probe"
  | "complete recovery"
  | "fail recovery"
  | "complete close"
  | "pass time"
  | "tick"
  | "receive data"
  | "taint"
  | "evict"
  | "drain"

export interface Command {
  readonly action: Action
  /** Selects one of the candidates, such as one of the leases. */
  readonly index: number
  readonly variant: number
}

export interface Scenario {
  readonly limits: PoolLimits
  /** The values that `random` returns, in turn. */
  readonly dice: ReadonlyArray<number>
  /** How hooks react, in turn: 0 later, 1 success at once, 2 failure at once. Empty: all later. */
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

export const ERRORS = { timeout: TIMED_OUT, "queue-full": FULL, closed: CLOSED } as const

export const CLASSES: ReadonlyArray<ErrorClass> = [
  "capacity",
  "network",
  "auth",
  "capacity",
  "pooler",
  "configuration",
  "network"
]
/** Acquire timeouts in milliseconds. */
export const TIMEOUTS: ReadonlyArray<number> = [50, 2000, 30_000, 3_600_000, 3_600_000]
/** Time that passes without a tick, in milliseconds. */
export const SHORT_TIMES: ReadonlyArray<number> = [1, 20, 100, 400]
/** Time that passes before a tick, in milliseconds. */
export const LONG_TIMES: ReadonlyArray<number> = [10, 300, 600, 1500, 4000, 35_000, 200_000]
