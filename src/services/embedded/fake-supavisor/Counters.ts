/** What the fake pooler has counted since its start. */
export interface Counters {
  /** TCP connections on either port. */
  accepted: number
  /** Logins that reached ReadyForQuery. */
  logins: number
  /** Logins that were told no, whatever the reason. */
  refusals: number
  /** The same by their code: EMAXCONNSESSION, 28P01 and so on. */
  readonly refusalsByCode: Map<string, number>
  /** Failures that count for the breaker: wrong passwords, broken and slow authentications. */
  authFailures: number
  /** CancelRequests passed on to PostgreSQL. */
  cancelsRouted: number
  heartbeats: number
  /** Backends cleaned with DISCARD ALL and given back to their pool. */
  discards: number
  /** Backends closed because their client left in the middle of something. */
  abandoned: number
}

export const noCounts = (): Counters => ({
  accepted: 0,
  logins: 0,
  refusals: 0,
  refusalsByCode: new Map(),
  authFailures: 0,
  cancelsRouted: 0,
  heartbeats: 0,
  discards: 0,
  abandoned: 0
})
