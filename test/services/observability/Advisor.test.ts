import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { advise, changesBetween } from "../../../src/services/observability/advice/Advise.ts"
import type { Finding, AdvisorInput } from "../../../src/services/observability/advice/Finding.ts"
import { demandOf } from "../../../src/services/config/LittlesLaw.ts"
import { poolFixture } from "../../http/PoolFixture.ts"
import {
  backend,
  counters,
  databaseView,
  dialRefused,
  dropped,
  sessionEntryWith,
  noSlots,
  inputFixture,
  unreachable
} from "./advice/AdvisorFixtures.ts"

const found = (changes: Partial<AdvisorInput>): ReadonlyArray<Finding> => advise(inputFixture(changes), [], 0)

const only = (changes: Partial<AdvisorInput>): Finding => {
  const findings = found(changes)
  assert.strictEqual(findings.length, 1, JSON.stringify(findings))
  return findings[0]!
}

const open = { state: "open", retryInMillis: 1000 } as const
const closed = { state: "closed", retryInMillis: undefined } as const

describe("Advice", () => {
  it("has no findings without problems, with or without a monitor's result", () => {
    assert.deepStrictEqual(found({}), [])
    assert.deepStrictEqual(found({ database: undefined }), [])
  })

  it("has no findings while the pool drains", () => {
    const database = databaseView({ maxConnections: 5 })
    assert.strictEqual(found({ database }).length, 1)
    for (const phase of ["draining", "closed"] as const) {
      assert.deepStrictEqual(found({ database, pool: poolFixture({ phase }) }), [])
    }
  })

  it("finds too many connections: from 80 % a warning, from 95 % critical, without reserved ones", () => {
    const severityOf = (count: number) =>
      found({ database: databaseView({ counts: [{ owner: "others", state: "idle", count, waitingOnLock: 0 }] }) })[0]
        ?.severity
    assert.deepStrictEqual([77, 78, 92, 93].map(severityOf), [undefined, "warning", "warning", "critical"])
    const { detail, remedy } = only({
      database: databaseView({
        counts: [
          { owner: "ours", state: "idle", count: 5, waitingOnLock: 0 },
          { owner: "pooler", state: "idle", count: 20, waitingOnLock: 0 },
          { owner: "others", state: "active", count: 60, waitingOnLock: 1 }
        ]
      })
    })
    assert.include(detail, "85 of 97 connections are in use (88 %; max_connections 100, 3 reserved)")
    assert.include(detail, "5 of this application's name, 20 of the pooler, 60 of others; 25 are idle.")
    for (const advice of ["DB_POOL_MAX", "leaks", "upgrade"]) assert.include(remedy, advice)
  })

  it("finds them when PostgreSQL refused a connection and there is no monitor's result", () => {
    const events = [{ _tag: "DialFailed", at: 0, error: noSlots, open: 2, retryInMillis: 10 }] as const
    const finding = only({ database: undefined, events })
    assert.deepStrictEqual([finding.id, finding.severity], ["too-many-connections", "critical"])
  })

  it("finds failed dials, with the last failure, critical without sessions", () => {
    const events = [{ _tag: "DialFailed", at: 0, error: unreachable, open: 0, retryInMillis: 10 }] as const
    const breakers = { network: open, capacity: closed, auth: closed }
    const failing = counters((made) => {
      made.dialsFailed.network = 3
    })
    const { detail, id, remedy, severity } = only({
      events,
      pool: poolFixture({ open: 0, idle: 0, breakers, counters: failing })
    })
    assert.deepStrictEqual([id, severity], ["connection-timeouts", "critical"])
    assert.include(detail, "3 attempts failed in the last minute, 0 sessions open.")
    assert.include(detail, unreachable.message)
    for (const advice of ["network", "firewall", "DB_CONNECT_TIMEOUT (10s)", unreachable.remedy.slice(0, -1)]) {
      assert.include(remedy, advice)
    }
    assert.strictEqual(only({ events, pool: poolFixture({ breakers }) }).severity, "warning", "while sessions are open")
    const recovered = only({ pool: poolFixture({ counters: failing }) })
    assert.deepStrictEqual([recovered.id, recovered.severity], ["connection-timeouts", "warning"])
  })

  it("distinguishes a refused login from a failing network", () => {
    const breakers = { network: closed, capacity: closed, auth: open }
    const refused = dialRefused({
      sqlState: "28P01",
      severity: "FATAL",
      serverMessage: "password authentication failed"
    })
    const { detail, id } = only({
      pool: poolFixture({ breakers }),
      events: [{ _tag: "DialFailed", at: 0, error: refused, open: 0, retryInMillis: 10 }]
    })
    assert.strictEqual(id, "login-refused")
    assert.include(detail, "password authentication failed")
  })

  it("finds dropped idle sessions, but not losses during statements", () => {
    const lost = { _tag: "SessionsLost", at: 0, count: 2, first: dropped } as const
    const { detail, id, remedy } = only({
      events: [lost, { _tag: "SessionClosed", at: 1, id: 3, backendPid: 9, reason: "probe-failed" }]
    })
    assert.strictEqual(id, "idle-sessions-dropped")
    assert.include(detail, "2 sessions were lost while idle, and 1 did not answer")
    for (const advice of ["DB_POOL_IDLE_TIMEOUT (5m)", "DB_KEEP_ALIVE (30s)", "retry"]) assert.include(remedy, advice)
    assert.deepStrictEqual(found({ events: [{ ...lost, first: unreachable }] }), [])
  })

  it("finds slow statements from half of the timeout on, with their holders", () => {
    const slow = sessionEntryWith({ runningMillis: 15_000, statement: "select *\n  from orders" })
    const { detail, id, remedy } = only({ sessions: [slow, sessionEntryWith({ runningMillis: 14_999 })] })
    assert.strictEqual(id, "slow-statements")
    assert.strictEqual(detail, "Running: 15 s by billing (fiber #4), running: select * from orders")
    for (const advice of ["index", "restructure", "CPU and memory"]) assert.include(remedy, advice)
    const elsewhere = (millis: number, owner: "ours" | "others") =>
      found({ database: databaseView({ longestQuery: backend(7, { millis, owner }) }) })
    assert.deepStrictEqual(elsewhere(299_999, "others"), [], "what others run is their affair for five minutes")
    assert.include(
      elsewhere(300_000, "others")[0]?.detail,
      "5m 00s by backend 7 of another client (psql), role reporting"
    )
    assert.deepStrictEqual(elsewhere(14_999, "ours"), [])
    assert.include(elsewhere(15_000, "ours")[0]?.detail, "15 s by backend 7 of this application's name (psql)")
  })

  it("names the holder of a suspected leak while the session is held", () => {
    const suspects = [{ sessionId: 1, holder: "billing" }]
    const { detail, id } = only({ suspectedLeaks: suspects, sessions: [sessionEntryWith({ heldMillis: 61_000 })] })
    assert.strictEqual(id, "sessions-leaked")
    assert.include(detail, "1m 01s by billing (fiber #4), last ran: select 1")
    assert.deepStrictEqual(
      found({ suspectedLeaks: suspects, sessions: [sessionEntryWith({ heldMillis: 59_000 })] }),
      []
    )
    assert.deepStrictEqual(
      found({ suspectedLeaks: suspects, sessions: [sessionEntryWith({ heldMillis: undefined })] }),
      []
    )
    assert.deepStrictEqual(
      found({ sessions: [sessionEntryWith({ heldMillis: 61_000 })] }),
      [],
      "for example the lease of a listener"
    )
  })

  it("finds idle transactions, critical when they block others", () => {
    const idle = backend(7, { state: "idle in transaction", millis: 30_000 })
    const alone = only({ database: databaseView({ idleInTransaction: [idle, { ...idle, pid: 8, millis: 29_999 }] }) })
    assert.deepStrictEqual([alone.id, alone.severity], ["idle-in-transaction", "warning"])
    assert.include(alone.remedy, "pg_terminate_backend")
    const waitedFor = (millis: number) => {
      const blocked = [{ ...backend(9, { millis }), blockers: [idle], byPrepared: false }]
      return found({ database: databaseView({ idleInTransaction: [{ ...idle, millis: 10 }], blocked }) })
    }
    assert.deepStrictEqual(waitedFor(4999), [], "a short wait is every day's work")
    const [finding] = waitedFor(5000)
    assert.deepStrictEqual([finding?.id, finding?.severity], ["idle-in-transaction", "critical"])
    assert.include(finding?.detail, "which blocks others")
    const own = only({
      database: databaseView({ idleInTransaction: [idle] }),
      sessions: [sessionEntryWith({ backendPid: 7 })]
    })
    assert.include(own.detail, "backend 7 of this pool, held by billing (fiber #4), last ran: select 1")
  })

  it("finds waits for a lock of more than five seconds, with the blockers", () => {
    const blockers = [backend(7, { application: "Supavisor", owner: "pooler", state: "active" })]
    const waiting = (millis: number) =>
      found({ database: databaseView({ blocked: [{ ...backend(9, { millis }), blockers, byPrepared: true }] }) })
    assert.deepStrictEqual(waiting(4999), [])
    const [finding] = waiting(5000)
    assert.deepStrictEqual([finding?.id, finding?.severity], ["blocked-statements", "warning"])
    assert.include(
      finding?.detail,
      "backend 7 of the pooler (Supavisor), role reporting, active; a prepared transaction"
    )
    assert.strictEqual(waiting(120_000)[0]?.severity, "critical")
  })

  it("finds a max above the ceiling or above the pooler's pool", () => {
    const learned = only({ pool: poolFixture({ max: 20, ceiling: 15, poolerSize: 15 }) })
    assert.strictEqual(learned.id, "max-above-ceiling")
    assert.include(learned.detail, "15 sessions, and max is 20. Its pool has 15 for all clients of this role together.")
    assert.include(learned.remedy, "Set DB_POOL_MAX to 15 or less")
    assert.deepStrictEqual(found({ pool: poolFixture({ max: 5, ceiling: 5, poolerSize: 15 }) }), [])
  })

  it("finds missing privileges of the role", () => {
    const hidden = only({ database: databaseView({ hidden: 3, role: "agent" }) })
    assert.deepStrictEqual([hidden.id, hidden.severity], ["monitor-restricted", "info"])
    assert.include(hidden.detail, "The role agent may not see the state and age of 3 connections of other roles")
    assert.include(hidden.remedy, "pg_read_all_stats")
    assert.include(only({ database: databaseView({ canSeeBlocking: false }) }).remedy, "pg_blocking_pids")
  })
})

describe("Advice on saturation", () => {
  const load = { windowMillis: 60_000, arrivals: 1200, leases: 600, heldMillis: 300_000 }
  const crowded = poolFixture({ open: 5, idle: 0, used: 5, waiting: 4, oldestWaitMillis: 1000 })

  it("names the number of sessions by Little's law", () => {
    const { detail, id, remedy, severity } = only({ pool: crowded, load })
    assert.deepStrictEqual([id, severity], ["pool-saturated", "warning"])
    assert.include(detail, "5 of 5 sessions are in use and 4 callers wait, the first for 1.0 s")
    assert.include(detail, "20.0 callers per second hold a session for 500 ms each")
    assert.include(detail, "10.0 are busy on average, so 12 sessions are needed")
    assert.include(remedy, "Raise DB_POOL_MAX from 5 to 12, or speed up statements.")
    assert.include(remedy, "DB_POOL_MAX_WAITING (1000)")
  })

  it("does not advise a larger max where the pooler grants no more, nor where it would not help", () => {
    const limited = found({ pool: { ...crowded, poolerSize: 10 }, load })[0]
    assert.include(limited?.remedy, "raise the pooler's pool size and then DB_POOL_MAX to 12")
    const burst = only({ pool: crowded, load: { ...load, heldMillis: 60_000 } })
    assert.include(burst.remedy, "On average DB_POOL_MAX (5) is enough")
  })

  it("is critical when callers were rejected, and absent for short waits and without sessions", () => {
    const refused = counters((made) => {
      made.acquired.timeout = 2
      made.acquired["queue-full"] = 1
    })
    const turned = only({ pool: poolFixture({ counters: refused }) })
    assert.deepStrictEqual([turned.id, turned.severity], ["pool-saturated", "critical"])
    assert.include(turned.detail, "3 were rejected in the last minute")
    assert.deepStrictEqual(
      found({ pool: poolFixture({ counters: refused }), before: poolFixture({ counters: refused }) }),
      []
    )
    assert.deepStrictEqual(found({ pool: { ...crowded, oldestWaitMillis: 999 } }), [])
    assert.deepStrictEqual(found({ pool: { ...crowded, open: 0 } }), [])
  })

  it("grants every busy session its place and at most one spare for each five begun ones", () => {
    const positive = { min: 1, max: 100_000 }
    fc.assert(
      fc.property(fc.integer(positive), fc.integer(positive), fc.integer(positive), (arrivals, leases, heldMillis) => {
        const demand = demandOf({ windowMillis: 60_000, arrivals, leases, heldMillis })!
        assert.approximately(demand.busy, (demand.arrivalsPerSecond * demand.meanUseMillis) / 1000, demand.busy * 1e-9)
        const operations = Math.min(Math.max(Math.ceil(demand.busy), 1), 1_000_000)
        assert.isAtLeast(demand.sessions, operations)
        assert.isAtMost(demand.sessions, operations + Math.ceil(operations / 5))
      })
    )
    assert.isUndefined(demandOf({ windowMillis: 60_000, arrivals: 5, leases: 0, heldMillis: 0 }))
  })
})

describe("Findings", () => {
  const warning = inputFixture({ pool: poolFixture({ max: 20, ceiling: 15 }) })

  it("keep the time of their beginning, and are listed with the worst first", () => {
    const first = advise(warning, [], 1000)
    const worse = { ...warning, database: databaseView({ maxConnections: 5, hidden: 1 }) }
    const second = advise(worse, first, 2000)
    assert.deepStrictEqual(
      second.map(({ id, severity, since }) => [id, severity, since]),
      [
        ["too-many-connections", "critical", 2000],
        ["max-above-ceiling", "warning", 1000],
        ["monitor-restricted", "info", 2000]
      ]
    )
  })

  it("are published when they begin, end or change their severity, not when only numbers change", () => {
    const [before] = advise(warning, [], 0)
    const [numbers] = advise(inputFixture({ pool: poolFixture({ max: 20, ceiling: 14 }) }), [], 0)
    assert.deepStrictEqual(changesBetween([before!], [numbers!]), { begun: [], over: [] })
    const graver = { ...before!, severity: "critical" } as const
    assert.deepStrictEqual(changesBetween([before!], [graver]), { begun: [graver], over: [] })
    assert.deepStrictEqual(changesBetween([before!], []), { begun: [], over: [before!] })
  })
})
