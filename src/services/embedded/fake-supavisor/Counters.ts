/** Counts since the start of FakeSupavisor. */
export interface Counters {
  /** TCP connections on either port. */
  accepted: number
  /** Logins that reached ReadyForQuery. */
  logins: number
  /** Refused logins. */
  refusals: number
  /** Refused logins by code: EMAXCONNSESSION, 28P01 and so on. */
  readonly refusalsByCode: Map<string, number>
  /** Failures that the breaker counts: wrong passwords, broken and slow authentications. */
  authFailures: number
  /** CancelRequests passed on to PostgreSQL. */
  cancelsRouted: number
  heartbeats: number
  /** Backends cleaned with DISCARD ALL and returned to their pool. */
  discards: number
  /** Backends closed because their client disconnected during a statement or transaction. */
  abandoned: number
}

export const zeroCounters = (): Counters => ({
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
