/** The one picture of the pool that metrics, health, the operations page and the log lines are all drawn from. */
import type { ErrorClass } from "../../errors/catalogue/Entry.ts"
import type { Breakers } from "./Breaker.ts"

/** Why a session was closed, or went by itself (`lost`). */
export type CloseReason = "lost" | "idle" | "lifetime" | "probe-failed" | "not-recovered" | "evicted" | "drain"

/** How waiting for a session ended. */
export type AcquireOutcome = "immediate" | "waited" | "timeout" | "queue-full" | "abandoned" | "failed" | "closed"

/** Whether the pool lends: `starting` until the first session, `draining` and `closed` at the end. */
export type PoolPhase = "starting" | "open" | "draining" | "closed"

/** Counts since the pool was made; they only grow. */
export interface PoolCounters {
  readonly acquired: Record<AcquireOutcome, number>
  readonly closed: Record<CloseReason, number>
  readonly dialsStarted: number
  readonly dialsSucceeded: number
  readonly dialsFailed: Record<ErrorClass, number>
  readonly probes: number
  readonly recoveries: number
  readonly leaksSuspected: number
  readonly incidents: number
}

/** The pool at one instant. Times are milliseconds; `connecting + idle + used + closing` never exceeds `max`. */
export interface PoolSnapshot {
  readonly name: string
  readonly phase: PoolPhase
  /** Sessions that stand: idle and used. */
  readonly open: number
  readonly connecting: number
  readonly idle: number
  /** Lent, or being made ready for the next borrower. */
  readonly used: number
  readonly closing: number
  readonly waiting: number
  readonly min: number
  readonly max: number
  /** How many sessions the other side lets us have; `max` while it has not said otherwise. */
  readonly ceiling: number
  /** The pool size the pooler named when it refused, if it did. */
  readonly poolerSize: number | undefined
  /** Whether dials go, by kind of trouble. */
  readonly breakers: Breakers
  readonly maxWaiting: number
  readonly oldestWaitMillis: number
  readonly oldestLeaseMillis: number
  /** Monotonic milliseconds of the last dial that failed, and why, in one line. */
  readonly lastFailure: { readonly atMillis: number; readonly code: string; readonly message: string } | undefined
  readonly counters: PoolCounters
}

/** The line of a pool in words, as in `open=5/15 used=3 idle=2 connecting=0 waiting=0 ceiling=15`. */
export const formatSnapshot = (snapshot: PoolSnapshot): string =>
  `open=${snapshot.open}/${snapshot.max} used=${snapshot.used} idle=${snapshot.idle} ` +
  `connecting=${snapshot.connecting} waiting=${snapshot.waiting} ceiling=${snapshot.ceiling}`

/** Counters at zero. */
export const emptyCounters = (): Mutable<PoolCounters> => ({
  acquired: { immediate: 0, waited: 0, timeout: 0, "queue-full": 0, abandoned: 0, failed: 0, closed: 0 },
  closed: {
    lost: 0,
    idle: 0,
    lifetime: 0,
    "probe-failed": 0,
    "not-recovered": 0,
    evicted: 0,
    drain: 0
  },
  dialsStarted: 0,
  dialsSucceeded: 0,
  dialsFailed: { capacity: 0, network: 0, pooler: 0, auth: 0, configuration: 0, statement: 0, closed: 0 },
  probes: 0,
  recoveries: 0,
  leaksSuspected: 0,
  incidents: 0
})

/** Counters while they are counted. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] }
