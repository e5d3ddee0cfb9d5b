/** Statuses and histories as a server sends them. */
import type { StatusBody, HistoryEvent, HistoryPoint, StatusSession } from "../../src/http/StatusSchema.ts"
import type { Health } from "../../src/services/observability/health/Health.ts"
import { verdictOf } from "../../src/services/observability/health/Verdict.ts"
import { emptyCounters } from "../../src/services/pool/core/Snapshot.ts"

const STEP_MILLIS = 2000

const MEBI = 1024 * 1024

/** A point with one used session of five, with changes. */
export const pointFixture = (changes: Partial<HistoryPoint> = {}): HistoryPoint => ({
  at: Date.now(),
  idle: 1,
  used: 1,
  connecting: 0,
  closing: 0,
  waiting: 0,
  max: 5,
  ceiling: 5,
  waitP50: 0.02,
  waitP95: 0.4,
  waitP99: 1.2,
  queryP50: 0.8,
  queryP95: 3.1,
  queryP99: 9,
  queries: 84,
  dials: 0,
  dialFailures: 0,
  closes: {},
  health: "up",
  cpu: 0.04,
  rssBytes: 96 * MEBI,
  loopDelayP99Millis: 11,
  ...changes
})

/** Points up to now, oldest first; `changes` are given by the index from the end. */
export const historyFixture = (
  count: number,
  changes: (fromEnd: number) => Partial<HistoryPoint> = () => ({})
): ReadonlyArray<HistoryPoint> => {
  const now = Date.now()
  return Array.from({ length: count }, (_, index) => {
    const fromEnd = count - 1 - index
    return pointFixture({ at: now - fromEnd * STEP_MILLIS, ...changes(fromEnd) })
  })
}

export const eventFixture = (changes: Partial<HistoryEvent> = {}): HistoryEvent => ({
  at: Date.now(),
  tag: "SessionOpened",
  level: "info",
  text: "Session 1 was opened (backend 4242).",
  ...changes
})

export const sessionFixture = (changes: Partial<StatusSession> = {}): StatusSession => ({
  sessionId: 1,
  backendPid: 4242,
  state: "idle",
  ageMillis: 65_000,
  idleMillis: 3000,
  silentMillis: 3000,
  uses: 128,
  holder: undefined,
  traceId: undefined,
  heldMillis: undefined,
  statement: "select 1",
  runningMillis: undefined,
  lastError: null,
  ...changes
})

const closed = { state: "closed", retryInMillis: undefined } as const

/** An open pool with one used and one idle session and without a monitor, with changes; the verdict follows from them. */
export const statusFixture = (
  changes: Partial<Omit<StatusBody, "pool">> & { readonly pool?: Partial<StatusBody["pool"]> } = {}
): StatusBody => {
  const { pool, ...others } = changes
  const status = {
    version: "0.1.0",
    uptimeSeconds: 3723,
    phase: "open",
    demo: false,
    health: {
      state: { _tag: "Up" },
      since: Date.now() - 60_000,
      started: true,
      checkedAt: Date.now() - 4000,
      latencyMillis: 0.9,
      consecutiveFailures: 0,
      lastError: undefined
    },
    endpoint: { host: "db.example.com", port: 5432, database: "postgres" },
    findings: [],
    pool: {
      name: "db.example.com:5432/postgres",
      open: 2,
      connecting: 0,
      idle: 1,
      used: 1,
      closing: 0,
      waiting: 0,
      min: 2,
      max: 5,
      ceiling: 5,
      poolerSize: undefined,
      breakers: { network: closed, capacity: closed, auth: closed },
      maxWaiting: 1000,
      oldestWaitMillis: 0,
      oldestLeaseMillis: 0,
      counters: emptyCounters(),
      ...pool
    },
    database: null,
    sessions: [sessionFixture()],
    waiters: [],
    process: {
      pid: 4711,
      nodeVersion: "v24.0.0",
      uptimeSeconds: 3723,
      cpu: 0.042,
      rssBytes: 96 * MEBI,
      heapUsedBytes: 31 * MEBI,
      heapTotalBytes: 44 * MEBI,
      loopDelayP50Millis: 10.1,
      loopDelayP99Millis: 11.4
    },
    wait: { p50: 0.02, p95: 0.4, p99: 1.2 },
    query: { p50: 0.8, p95: 3.1, p99: 9, perSecond: 42 },
    lastFailure: null,
    config: {},
    ...others
  }
  const verdict = verdictOf({ ...status, health: status.health as Health })
  return { ready: verdict.level === "up" || verdict.level === "degraded", verdict, ...status }
}
