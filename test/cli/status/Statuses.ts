/** Statuses of a program that is idle, of one that is busy, and of one that has lost its database. */
import type { StatusBody } from "../../../src/http/StatusSchema.ts"
import { sessionFixture, statusFixture } from "../../http/StatusFixtures.ts"

/** When all of them were made. */
export const NOW = Date.UTC(2026, 10, 22, 12, 0, 0)

const MINUTE = 60_000

const healthOf = (state: StatusBody["health"]["state"], since: number): StatusBody["health"] => ({
  state,
  since,
  started: true,
  checkedAt: NOW - 4000,
  latencyMillis: 0.9,
  consecutiveFailures: 0
})

const idlePool = { open: 2, idle: 2, used: 0, min: 2, max: 5, ceiling: 5, maxWaiting: 1000 }

const idle: Parameters<typeof statusFixture>[0] = {
  version: "9.9.9",
  uptimeSeconds: 7980,
  health: healthOf({ _tag: "Up" }, NOW - 133 * MINUTE),
  pool: idlePool,
  wait: { p50: 0.02, p95: 0.31, p99: 1.24 },
  query: { p50: 0.8, p95: 4.2, p99: 38, perSecond: 12.34 },
  process: {
    ...statusFixture().process,
    pid: 4242,
    nodeVersion: "v24.21.0",
    cpu: 0.031,
    rssBytes: 88_080_384,
    loopDelayP99Millis: 11.2
  },
  sessions: [
    sessionFixture({ sessionId: 1, backendPid: 801, ageMillis: 8 * MINUTE, uses: 912, idleMillis: 400 }),
    sessionFixture({ sessionId: 2, backendPid: 802, ageMillis: 133 * MINUTE, uses: 3, idleMillis: 61_000 })
  ]
}

export const idleStatus = statusFixture(idle)

export const busyStatus = statusFixture({
  ...idle,
  health: healthOf({ _tag: "Degraded", causes: ["saturated"] }, NOW - 12_000),
  pool: { ...idlePool, open: 5, idle: 0, used: 5, waiting: 2, oldestWaitMillis: 1240, oldestLeaseMillis: 31_000 },
  findings: [
    {
      id: "pool-saturated",
      severity: "warning",
      title: "The pool is saturated",
      detail: "All 5 sessions have been leased for 12 s, and 2 callers wait.",
      remedy: "Find the longest lease below; or set DB_POOL_MAX higher.",
      since: NOW - 12_000
    }
  ],
  waiters: [
    { holder: "checkout #41", waitingMillis: 1240, deadlineMillis: 28_760 },
    { holder: "report #44", waitingMillis: 310, deadlineMillis: 29_690 }
  ],
  sessions: [1, 2, 3, 4, 5].map((id) =>
    sessionFixture({
      sessionId: id,
      backendPid: 800 + id,
      state: "used",
      ageMillis: id * MINUTE,
      uses: 10 * id,
      idleMillis: undefined,
      holder: id === 3 ? "nightly export" : `checkout #${30 + id}`,
      heldMillis: id === 3 ? 31_000 : 40 * id,
      statement: id === 3 ? "select * from orders where placed_at > $1 order by placed_at" : "select 1",
      runningMillis: id === 3 ? 30_500 : undefined,
      lastError: id === 5 ? "duplicate key value violates unique constraint" : null
    })
  )
})

export const downStatus = statusFixture({
  ...idle,
  health: healthOf(
    {
      _tag: "Down",
      reason: {
        code: "CONNECTION_REFUSED",
        message: "connect ECONNREFUSED db.example.com:5432 after 2 ms",
        remedy: "Check the host and the port, and that the server runs."
      }
    },
    NOW - 4000
  ),
  pool: { ...idlePool, open: 0, idle: 0 },
  sessions: [],
  lastFailure: { agoMillis: 700, code: "CONNECTION_REFUSED", message: "connect ECONNREFUSED db.example.com:5432" }
})
