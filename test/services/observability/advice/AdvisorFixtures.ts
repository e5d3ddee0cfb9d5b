/** A pool and a database without problems, with changes. */
import * as Duration from "effect/Duration"
import type { AdvisorInput } from "../../../../src/services/observability/advice/Finding.ts"
import type { Backend, DatabaseView } from "../../../../src/services/observability/monitor/DatabaseView.ts"
import type { SessionEntry } from "../../../../src/services/pool/SessionList.ts"
import { emptyCounters, type Mutable, type PoolCounters } from "../../../../src/services/pool/core/Snapshot.ts"
import { SessionError } from "../../../../src/services/errors/SessionError.ts"
import { poolFixture } from "../../../http/PoolFixture.ts"

export const counters = (change: (counters: Mutable<PoolCounters>) => void): PoolCounters => {
  const made = emptyCounters()
  change(made)
  return made
}

export const backend = (pid: number, changes: Partial<Backend> = {}): Backend => ({
  pid,
  owner: "others",
  state: "active",
  user: "reporting",
  database: "postgres",
  application: "psql",
  millis: 0,
  ...changes
})

export const databaseView = (changes: Partial<DatabaseView> = {}): DatabaseView => ({
  maxConnections: 100,
  reservedConnections: 3,
  counts: [{ owner: "ours", state: "idle", count: 2, waitingOnLock: 0 }],
  oldest: null,
  oldestOurs: null,
  longestTransaction: null,
  longestQuery: null,
  idleInTransaction: [],
  blocked: [],
  hidden: 0,
  canSeeBlocking: true,
  role: "postgres",
  ...changes
})

export const sessionEntryWith = (changes: Partial<SessionEntry> = {}): SessionEntry => ({
  sessionId: 1,
  backendPid: 101,
  state: "used",
  ageMillis: 100_000,
  idleMillis: undefined,
  silentMillis: 0,
  uses: 1,
  holder: "billing (fiber #4)",
  traceId: undefined,
  heldMillis: 10,
  statement: "select 1",
  runningMillis: undefined,
  ...changes
})

export const inputFixture = (changes: Partial<AdvisorInput> = {}): AdvisorInput => ({
  pool: poolFixture(),
  before: poolFixture(),
  load: { windowMillis: 60_000, arrivals: 0, leases: 0, heldMillis: 0 },
  sessions: [],
  database: databaseView(),
  events: [],
  suspectedLeaks: [],
  settings: {
    connectTimeout: Duration.seconds(10),
    statementTimeout: Duration.seconds(30),
    idleInTransactionTimeout: Duration.seconds(60),
    keepAlive: Duration.seconds(30),
    pool: {
      min: 2,
      max: 5,
      reasoning: [],
      idleTimeout: Duration.seconds(300),
      maxLifetime: Duration.minutes(30),
      acquireTimeout: Duration.seconds(30),
      maxWaiting: 1000,
      pipeline: 0,
      leakThreshold: Duration.seconds(60)
    }
  },
  ...changes
})

const place = { host: "db.example.com", port: 5432, elapsedMillis: 3 }

export const dialRefused = (failure: unknown): SessionError =>
  SessionError.connectFailed({ ...place, phase: "tcp", failure })

export const unreachable = dialRefused(
  Object.assign(new Error("connect ETIMEDOUT"), { code: "ETIMEDOUT", syscall: "connect" })
)

export const noSlots = SessionError.connectFailed({
  ...place,
  phase: "authentication",
  failure: { sqlState: "53300", severity: "FATAL", serverMessage: "sorry, too many clients already" }
})

export const dropped = SessionError.sessionLost({
  ...place,
  phase: "query",
  failure: Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", syscall: "read" }),
  statementInFlight: false
})
