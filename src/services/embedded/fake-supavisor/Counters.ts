export const zeroCounters = () => ({
  /** TCP connections on either port. */
  accepted: 0,
  /** Logins that reached ReadyForQuery. */
  logins: 0,
  /** Refused logins. */
  refusals: 0,
  /** Refused logins by code: EMAXCONNSESSION, 28P01 and so on. */
  refusalsByCode: new Map<string, number>(),
  /** Failures that the breaker counts: wrong passwords, broken and slow authentications. */
  authFailures: 0,
  /** CancelRequests passed on to PostgreSQL. */
  cancelsRouted: 0,
  heartbeats: 0,
  /** Backends cleaned with DISCARD ALL and returned to their pool. */
  discards: 0,
  /** Backends closed because their client disconnected during a statement or transaction. */
  abandoned: 0
})

/** Counts since the start of FakeSupavisor. */
export type Counters = ReturnType<typeof zeroCounters>
