/**
 * How long things take in a pool: histograms that are written where things happen and read when somebody asks.
 *
 * Waiting and use are counted by the state machine itself. Times are monotonic milliseconds.
 */
import { OperationTimes } from "./OperationTimes.ts"
import type { PhaseTimings } from "../wire/Transport.ts"
import { Histogram } from "./Histogram.ts"
import { StatementCache } from "./StatementCache.ts"

/** Outages last from a blink to half an hour, longer than any duration in between: bounds for them, in seconds. */
export const OUTAGE_BOUNDS: ReadonlyArray<number> = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800]

/** What of the pool decides whether it is whole. */
export interface PoolCounts {
  readonly open: number
  readonly waiting: number
  readonly limits: { readonly min: number }
}

const phaseRecord = <A>(make: () => A): Record<keyof PhaseTimings, A> => ({
  dns: make(),
  tcp: make(),
  tls: make(),
  authentication: make(),
  session: make()
})

export class PoolTimes {
  readonly waitTime: Histogram
  readonly useTime: Histogram
  /** From the name's resolution to the proved session. */
  readonly createTime = new Histogram()
  readonly phases = phaseRecord(() => new Histogram())
  readonly probeAnswered = new Histogram()
  readonly probeUnanswered = new Histogram()
  /** From the last moment a peer could have answered to the moment its loss was noticed. */
  readonly detection = new Histogram(OUTAGE_BOUNDS)
  /** From the first loss that left too few sessions until there were enough again. */
  readonly recovery = new Histogram(OUTAGE_BOUNDS)
  /** How long statements take; undefined, and then not measured, while nobody wants to know. */
  operations: OperationTimes | undefined = undefined
  /** What is known of the texts of statements. */
  readonly statements = new StatementCache()
  /** The shortest round trip so far, in milliseconds: no statement is blamed for that much. */
  roundTrip = Number.POSITIVE_INFINITY
  /** The server's `max_connections`, as the last session found it. */
  serverMaxConnections: number | undefined = undefined
  drainBegan: number | undefined = undefined
  drainEnded: number | undefined = undefined
  /** Sessions whose statements the drain had to cancel. */
  drainCancelled = 0
  private shortSince: number | undefined = undefined

  constructor(waitTime = new Histogram(), useTime = new Histogram()) {
    this.waitTime = waitTime
    this.useTime = useTime
  }

  /** Begins to measure statements, once however often it is asked. */
  measureOperations(): OperationTimes {
    return (this.operations ??= new OperationTimes(this.statements))
  }

  /** How much of the time since a statement was written was the server's, in milliseconds. */
  onServer(millis: number): number {
    if (millis < this.roundTrip) this.roundTrip = millis
    return millis - this.roundTrip
  }

  /** A session was opened, and counts among those of the pool. */
  sessionOpened(
    info: { readonly timings: PhaseTimings; readonly maxConnections: number },
    pool: PoolCounts,
    now: number
  ): void {
    const { authentication, dns, session, tcp, tls } = info.timings
    this.createTime.recordMillis(dns + tcp + tls + authentication + session)
    this.phases.dns.recordMillis(dns)
    this.phases.tcp.recordMillis(tcp)
    this.phases.tls.recordMillis(tls)
    this.phases.authentication.recordMillis(authentication)
    this.phases.session.recordMillis(session)
    this.serverMaxConnections = info.maxConnections
    if (this.shortSince === undefined || pool.open < Math.max(1, pool.limits.min)) return
    this.recovery.recordMillis(now - this.shortSince)
    this.shortSince = undefined
  }

  /**
   * A session was lost, and does not count any more. A peer can be missed only since something was asked of it: the
   * end of an idle session is noticed when it comes.
   */
  sessionLost(
    session: { readonly busySince: number; readonly lastReceivedAt: number },
    pool: PoolCounts,
    now: number
  ): void {
    const askedAt = session.busySince === 0 ? now : Math.max(session.busySince, session.lastReceivedAt)
    this.detection.recordMillis(now - askedAt)
    this.checkShortage(pool, now)
  }

  /** A probe ended; one without an answer is a loss that took as long to notice. */
  probed(answered: boolean, millis: number): void {
    if (answered) return this.probeAnswered.recordMillis(millis)
    this.probeUnanswered.recordMillis(millis)
    this.detection.recordMillis(millis)
  }

  /** Looks whether too few sessions stand. A pool that keeps none misses none while nobody waits for one. */
  checkShortage(pool: PoolCounts, now: number): void {
    if (pool.open < pool.limits.min || (pool.open === 0 && pool.waiting > 0)) this.shortSince ??= now
  }
}
