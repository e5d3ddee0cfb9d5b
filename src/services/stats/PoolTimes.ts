/** The histograms of a pool. Times are monotonic milliseconds. */
import { OperationTimes } from "./OperationTimes.ts"
import type { PhaseTimings } from "../wire/Transport.ts"
import { Histogram } from "./Histogram.ts"
import { StatementCache } from "./StatementCache.ts"

/** In seconds, for outages of 100 ms to half an hour. */
export const OUTAGE_BOUNDS: ReadonlyArray<number> = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800]

/** Decide whether the pool has too few sessions. */
export interface PoolCounts {
  readonly open: number
  readonly waiting: number
  readonly limits: { readonly min: number }
}

const PHASES: ReadonlyArray<keyof PhaseTimings> = ["dns", "tcp", "tls", "authentication", "session"]

export class PoolTimes {
  readonly waitTime: Histogram
  readonly useTime: Histogram
  /** From name resolution to a verified session. */
  readonly createTime = new Histogram()
  readonly phases: Readonly<Record<keyof PhaseTimings, Histogram>> = {
    dns: new Histogram(),
    tcp: new Histogram(),
    tls: new Histogram(),
    authentication: new Histogram(),
    session: new Histogram()
  }
  readonly probeAnswered = new Histogram()
  readonly probeUnanswered = new Histogram()
  /** From the last sign of life of a peer, or the request after it, to the detection of its loss. */
  readonly detection = new Histogram(OUTAGE_BOUNDS)
  /** From the first loss that left too few sessions until enough were open again. */
  readonly recovery = new Histogram(OUTAGE_BOUNDS)
  /** Undefined, and statements are not timed, until `measureOperations` is called. */
  operations: OperationTimes | undefined = undefined
  readonly statements = new StatementCache()
  /** The shortest round trip since the last dial, in milliseconds. */
  roundTrip = Number.POSITIVE_INFINITY
  /** The server's `max_connections` when the last session was opened. */
  serverMaxConnections: number | undefined = undefined
  drainBegan: number | undefined = undefined
  drainEnded: number | undefined = undefined
  /** Sessions whose statements the drain cancelled. */
  drainCancelled = 0
  private shortSince: number | undefined = undefined

  constructor(waitTime = new Histogram(), useTime = new Histogram()) {
    this.waitTime = waitTime
    this.useTime = useTime
  }

  /** Starts timing statements, if that has not happened yet. */
  measureOperations(): OperationTimes {
    return (this.operations ??= new OperationTimes(this.statements))
  }

  /** The time on the server of a statement that took so long since it was written: without the shortest round trip. */
  onServer(millis: number): number {
    if (millis < this.roundTrip) this.roundTrip = millis
    return millis - this.roundTrip
  }

  /** A session was opened; `pool` counts it already. */
  sessionOpened(
    info: { readonly timings: PhaseTimings; readonly maxConnections: number },
    pool: PoolCounts,
    now: number
  ): void {
    this.createTime.recordMillis(PHASES.reduce((sum, phase) => sum + info.timings[phase], 0))
    for (const phase of PHASES) this.phases[phase].recordMillis(info.timings[phase])
    this.serverMaxConnections = info.maxConnections
    if (this.shortSince === undefined || pool.open < Math.max(1, pool.limits.min)) return
    this.recovery.recordMillis(now - this.shortSince)
    this.shortSince = undefined
  }

  /** A session was lost; `pool` no longer counts it. The loss of an idle session is detected at once. */
  sessionLost(
    session: { readonly busySince: number; readonly lastReceivedAt: () => number },
    pool: PoolCounts,
    now: number
  ): void {
    const silentSince = session.busySince === 0 ? now : Math.max(session.busySince, session.lastReceivedAt())
    this.detection.recordMillis(now - silentSince)
    this.checkShortage(pool, now)
  }

  /** A probe ended. Without an answer, its duration is that of the detection. */
  probed(answered: boolean, millis: number): void {
    if (answered) return this.probeAnswered.recordMillis(millis)
    this.probeUnanswered.recordMillis(millis)
    this.detection.recordMillis(millis)
  }

  /** Starts an outage when too few sessions are open. With `min` 0, that needs a waiting caller. */
  checkShortage(pool: PoolCounts, now: number): void {
    if (pool.open < pool.limits.min || (pool.open === 0 && pool.waiting > 0)) this.shortSince ??= now
  }
}
