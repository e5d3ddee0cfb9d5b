/** Answers of `/status`, as a program gives them that is idle, that has work, and that has lost its database. */
import type { StatusBody } from "../../../src/cli/status/StatusBody.ts"

/** When all of them were given. */
export const NOW = Date.UTC(2026, 10, 22, 12, 0, 0)

const MINUTE = 60_000

export const idleStatus: StatusBody = {
  version: "9.9.9",
  uptimeSeconds: 7980,
  health: { state: { _tag: "Up" }, since: NOW - 133 * MINUTE },
  endpoint: { host: "db.example.com", port: 5432, database: "postgres" },
  pool: {
    open: 2,
    connecting: 0,
    idle: 2,
    used: 0,
    closing: 0,
    waiting: 0,
    min: 2,
    max: 5,
    ceiling: 5,
    maxWaiting: 1000,
    oldestWaitMillis: 0,
    oldestLeaseMillis: 0
  },
  demo: false,
  findings: [],
  waiters: [],
  wait: { p50: 0.02, p95: 0.31, p99: 1.24 },
  query: { p50: 0.8, p95: 4.2, p99: 38, perSecond: 12.34 },
  process: { pid: 4242, nodeVersion: "v24.21.0", cpu: 0.031, rssBytes: 88_080_384, loopDelayP99Millis: 11.2 },
  lastFailure: null,
  ledger: [
    { sessionId: 1, backendPid: 801, state: "idle", ageMillis: 8 * MINUTE, uses: 912, idleMillis: 400 },
    { sessionId: 2, backendPid: 802, state: "idle", ageMillis: 133 * MINUTE, uses: 3, idleMillis: 61_000 }
  ]
}

export const busyStatus: StatusBody = {
  ...idleStatus,
  health: { state: { _tag: "Degraded", causes: ["saturated"] }, since: NOW - 12_000 },
  pool: {
    ...idleStatus.pool,
    open: 5,
    idle: 0,
    used: 5,
    waiting: 2,
    oldestWaitMillis: 1240,
    oldestLeaseMillis: 31_000
  },
  findings: [
    {
      severity: "warning",
      title: "The pool is saturated",
      detail: "All 5 sessions have been lent for 12 s, and 2 callers wait.",
      remedy: "Find the longest lease below; or set DB_POOL_MAX higher."
    }
  ],
  waiters: [
    { holder: "checkout #41", waitingMillis: 1240, deadlineMillis: 28_760 },
    { holder: "report #44", waitingMillis: 310, deadlineMillis: 29_690 }
  ],
  ledger: [1, 2, 3, 4, 5].map((id) => ({
    sessionId: id,
    backendPid: 800 + id,
    state: "used",
    ageMillis: id * MINUTE,
    uses: 10 * id,
    holder: id === 3 ? "nightly export" : `checkout #${30 + id}`,
    heldMillis: id === 3 ? 31_000 : 40 * id,
    statement: id === 3 ? "select * from orders where placed_at > $1 order by placed_at" : "select 1",
    runningMillis: id === 3 ? 30_500 : null,
    lastError: id === 5 ? "duplicate key value violates unique constraint" : null
  }))
}

export const downStatus: StatusBody = {
  ...idleStatus,
  health: {
    state: {
      _tag: "Down",
      reason: {
        code: "CONNECTION_REFUSED",
        message: "connect ECONNREFUSED db.example.com:5432 after 2 ms",
        remedy: "Check the host and the port, and that the server runs."
      }
    },
    since: NOW - 4000
  },
  pool: { ...idleStatus.pool, open: 0, idle: 0 },
  ledger: [],
  lastFailure: { agoMillis: 700, code: "CONNECTION_REFUSED", message: "connect ECONNREFUSED db.example.com:5432" }
}
