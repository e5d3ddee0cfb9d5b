/** The state of a pool at one instant: the common source of metrics, health, the operations page and log lines. */
import type { ErrorClass } from "../../errors/catalogue/Entry.ts"
import type { Breakers } from "./Breaker.ts"

/** Why a session was closed by the pool, or that it was lost (`lost`). */
export type CloseReason = "lost" | "idle" | "lifetime" | "probe-failed" | "not-recovered" | "evicted" | "drain"

/** How an acquire ended. */
export type AcquireOutcome = "immediate" | "waited" | "timeout" | "queue-full" | "abandoned" | "failed" | "closed"

/** `starting` until the first session is open; `draining`, then `closed`, at the end. */
export type PoolPhase = "starting" | "open" | "draining" | "closed"

/** Counts since the pool was created. */
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
  /** Open sessions: idle and used. */
  readonly open: number
  readonly connecting: number
  readonly idle: number
  /** Leased, or being reset after a lease. */
  readonly used: number
  readonly closing: number
  readonly waiting: number
  readonly min: number
  readonly max: number
  /** How many sessions the server or pooler allows; `max` until it has refused one. */
  readonly ceiling: number
  /** The pool size that the pooler named when it refused a session, if it did. */
  readonly poolerSize: number | undefined
  readonly breakers: Breakers
  readonly maxWaiting: number
  readonly oldestWaitMillis: number
  readonly oldestLeaseMillis: number
  /** The last dial that failed, in monotonic milliseconds, and why, in one line. */
  readonly lastFailure: { readonly atMillis: number; readonly code: string; readonly message: string } | undefined
  readonly counters: PoolCounters
}

/** The snapshot in one line: `open=5/15 used=3 idle=2 connecting=0 waiting=0 ceiling=15`. */
export const formatSnapshot = (snapshot: PoolSnapshot): string =>
  `open=${snapshot.open}/${snapshot.max} used=${snapshot.used} idle=${snapshot.idle} ` +
  `connecting=${snapshot.connecting} waiting=${snapshot.waiting} ceiling=${snapshot.ceiling}`

export const emptyCounters = (): Mutable<PoolCounters> => ({
  acquired: { immediate: 0, waited: 0, timeout: 0, "queue-full": 0, abandoned: 0, failed: 0, closed: 0 },
  closed: { lost: 0, idle: 0, lifetime: 0, "probe-failed": 0, "not-recovered": 0, evicted: 0, drain: 0 },
  dialsStarted: 0,
  dialsSucceeded: 0,
  dialsFailed: { capacity: 0, network: 0, pooler: 0, auth: 0, configuration: 0, statement: 0, closed: 0 },
  probes: 0,
  recoveries: 0,
  leaksSuspected: 0,
  incidents: 0
})

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }
