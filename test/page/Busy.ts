/** A status with values for every part of the page. */
import type { StatusBody } from "../../src/http/StatusSchema.ts"
import { sessionFixture, statusFixture } from "../http/StatusFixtures.ts"

const backend = {
  pid: 20_001,
  owner: "ours",
  state: "active",
  user: "postgres",
  database: "postgres",
  application: "effect-supavisor"
} as const

const LONG_STATEMENT =
  "select o.id, o.total, c.name from orders o join customers c on c.id = o.customer_id " +
  "where o.created_at > $1 order by o.created_at desc limit 50"

/** Five sessions of five in use, three callers in the queue, a finding, a lock, and things that could not be seen. */
export const busyStatus = (): StatusBody =>
  statusFixture({
    demo: true,
    health: {
      state: { _tag: "Degraded", causes: ["saturated"] },
      since: Date.now() - 45_000,
      started: true,
      checkedAt: Date.now() - 9000,
      latencyMillis: 1.34,
      consecutiveFailures: 0,
      lastError: { code: "X", message: "it was away", remedy: "Wait.", at: Date.now() - 300_000 }
    },
    pool: { used: 5, idle: 0, open: 5, waiting: 3, oldestWaitMillis: 1234, ceiling: 5 },
    findings: [
      {
        id: "pool-saturated",
        severity: "warning",
        title: "The pool has too few sessions for its callers",
        detail: "5 of 5 sessions are in use and 3 callers wait, the first for 1.2 s.",
        remedy: "Raise DB_POOL_MAX from 5 to 8, or reduce the time of statements.",
        since: Date.now() - 30_000
      },
      {
        id: "blocked-statements",
        severity: "critical",
        title: "Statements wait for locks",
        detail: "1 statement of 6.4 s and less.",
        remedy: "End the transaction in front.",
        since: Date.now() - 6000
      },
      {
        id: "monitor-restricted",
        severity: "info",
        title: "The database can be seen in part only",
        detail: "The role may not see others.",
        remedy: "Grant pg_monitor.",
        since: Date.now() - 6000
      }
    ],
    sessions: [1, 2, 3, 4, 5].map((sessionId) =>
      sessionFixture({
        sessionId,
        backendPid: 20_000 + sessionId,
        state: "used",
        idleMillis: undefined,
        holder: `GET /orders/${sessionId} (fiber #10${sessionId})`,
        heldMillis: 1200 * sessionId,
        statement: LONG_STATEMENT,
        runningMillis: 400 * sessionId,
        lastError: sessionId === 2 ? "57014: canceling statement due to statement timeout" : null
      })
    ),
    waiters: [
      { holder: "POST /orders (fiber #211)", waitingMillis: 1234, deadlineMillis: 28_766 },
      { holder: "GET /cart (fiber #215)", waitingMillis: 834, deadlineMillis: 29_166 }
    ],
    database: {
      view: {
        maxConnections: 100,
        reservedConnections: 3,
        counts: [
          { owner: "ours", state: "active", count: 4, waitingOnLock: 1 },
          { owner: "others", state: "idle in transaction", count: 1, waitingOnLock: 0 }
        ],
        oldest: { ...backend, millis: 7_300_000 },
        oldestOurs: { ...backend, millis: 730_000 },
        longestTransaction: null,
        longestQuery: { ...backend, millis: 2100 },
        idleInTransaction: [],
        blocked: [
          { ...backend, millis: 6400, blockers: [{ ...backend, pid: 77, application: "psql" }], byPrepared: false }
        ],
        hidden: 2,
        canSeeBlocking: true,
        role: "postgres"
      },
      observedAt: Date.now() - 12_000,
      problem: undefined,
      restriction: "The role postgres may not see the state and age of 2 connections of other roles."
    }
  })
