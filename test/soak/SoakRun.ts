/** One run of a pool over scripted sessions: two hundred steps of work, faults and time, then none, then its drain. */
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { monotonicMillis } from "../../src/services/wire/MonotonicClock.ts"
import type { SettingsInput } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import {
  Dial,
  type DialFailureClass,
  type ScriptedServer,
  ScriptedSessions
} from "../../src/testing/ScriptedSessions.ts"
import { CommitLog } from "../chaos/CommitLog.ts"
import type { SeededRandom } from "../chaos/SeededRandom.ts"
import { Violations } from "../chaos/Violations.ts"
import type { WorkContext } from "../chaos/WorkContext.ts"
import { work } from "../chaos/Work.ts"
import { ScriptedTable } from "./ScriptedTable.ts"

const STEPS = 200

/** How often each step is drawn. */
const WEIGHTS = [
  ["work", 100],
  ["pass time", 60],
  ["wait", 4],
  ["lose a session", 4],
  ["lose all sessions", 1],
  ["silence a session", 1],
  ["slow down a session", 2],
  ["end slowly", 1],
  ["taint a session", 2],
  ["fail recovery", 1],
  ["look silent", 2],
  ["reset the pool", 1],
  ["dials fail", 3],
  ["dials hang", 1],
  ["dials are slow", 1],
  ["dials succeed", 8]
] as const

type Step = (typeof WEIGHTS)[number][0]

const FAILURES: ReadonlyArray<DialFailureClass> = [
  "network",
  "capacity",
  "pooler",
  "network",
  "capacity",
  "auth",
  "configuration"
]

/** A snapshot costs more than a step; the sockets are checked after every step. */
const SNAPSHOT_EVERY = 10

/** Milliseconds after which everything has ended: the longest deadline, a cancel, a recovery and a close. */
const SETTLED_MILLIS = 20_000

/** Longer than any shutdown timeout. */
const END_MILLIS = 60_000

const settingsOf = (random: SeededRandom) => {
  const max = random.int(1, 6)
  return {
    pool: {
      min: random.int(0, Math.min(3, max)),
      max,
      maxWaiting: random.int(1, 20),
      acquireTimeout: random.pick([200, 1000, 5000])!,
      idleTimeout: random.pick([2000, 300_000])!,
      maxLifetime: random.pick([5000, 60_000, 1_800_000])!
    },
    statementTimeout: random.pick([500, 2000, 30_000])!,
    healthCheckInterval: random.pick([1000, 30_000])!,
    shutdownTimeout: random.pick([1000, 20_000])!
  } satisfies SettingsInput
}

/** Makes one run and returns the broken rules. */
export const run = (random: SeededRandom): Effect.Effect<Violations> =>
  Effect.provide(Effect.scoped(runSteps(random)), TestClock.layer())

const runSteps = Effect.fnUntraced(function* (random: SeededRandom) {
  const now = monotonicMillis(yield* Clock.Clock)
  const violations = new Violations(now)
  const table = new ScriptedTable(random.fork(), violations)
  const settings = settingsOf(random)
  const scope = yield* Scope.make()
  const services = yield* Layer.buildWithScope(
    ScriptedSessions.layerClient(table.statements, {
      settings,
      script: { session: { roundTripMillis: random.int(0, 30) } }
    }).pipe(Layer.provide(Logger.layer([]))),
    scope
  ).pipe(Effect.provideService(Random.Random, seeded(random.fork())), Effect.orDie)
  const server = Context.get(services, ScriptedSessions)
  table.attach(server)
  const commits = new CommitLog()
  const context: WorkContext = {
    pool: Context.get(services, SessionPool),
    sql: Context.get(services, PgClient),
    commits,
    violations,
    now,
    stalled: () => 0,
    running: new Map(),
    holders: new Map(),
    outcomes: new Map(),
    onFailure: () => {}
  }
  const workers = new Set<Fiber.Fiber<void>>()
  for (let step = 0; step < STEPS && violations.count === 0; step++) {
    const kind = random.weighted(WEIGHTS)
    if (kind === "work") workers.add(yield* Effect.forkChild(work(context, random.fork()), { startImmediately: true }))
    else yield* perform(kind, context, server, random)
    checkSockets(context, server, settings.pool.max)
    if (step % SNAPSHOT_EVERY === 0) yield* checkSum(context)
  }

  server.change({ dials: Dial.succeeds(), session: {} })
  yield* TestClock.adjust(SETTLED_MILLIS)
  for (const { name } of context.running.values()) violations.add(`a ${name} never ended`)
  for (const worker of workers) worker.interruptUnsafe()
  yield* checkQuiet(context, server)
  commits.audit(table.rows, violations)

  const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
  yield* TestClock.adjust(END_MILLIS)
  violations.must(closing.pollUnsafe() !== undefined, () => "the pool did not drain")
  violations.must(server.open.size === 0, () => `${server.open.size} sockets were left after the drain`)
  violations.must(server.unexpected.length === 0, () => `the script has no result for "${server.unexpected[0]}"`)
  return violations
})

/** The random source of the pool, so that a seed repeats its choices too. */
const seeded = (random: SeededRandom): Context.Service.Shape<typeof Random.Random> => ({
  nextDoubleUnsafe: random.next,
  nextIntUnsafe: () => random.int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
})

const checkSockets = ({ violations }: WorkContext, server: ScriptedServer, max: number): void =>
  violations.must(server.mostSockets <= max, () => `there were ${server.mostSockets} sockets, more than max (${max})`)

const checkSum = ({ violations, pool }: WorkContext): Effect.Effect<void> =>
  Effect.map(pool.snapshot, ({ closing, connecting, idle, max, used }) => {
    const sum = connecting + idle + used + closing
    violations.must(sum <= max, () => `${sum} sessions are open or dialling, more than max (${max})`)
  })

const checkQuiet = (context: WorkContext, server: ScriptedServer): Effect.Effect<void> =>
  Effect.map(context.pool.snapshot, ({ closing, open, used, waiting }) => {
    const { violations } = context
    violations.must(waiting === 0, () => `${waiting} callers wait without work`)
    violations.must(used === 0, () => `${used} sessions are used without work`)
    const sessions = open + closing
    violations.must(server.open.size <= sessions, () => `${server.open.size} sockets are open for ${sessions} sessions`)
    violations.must(context.holders.size === 0, () => `${context.holders.size} leases were never released`)
  })

const perform = (
  step: Exclude<Step, "work">,
  { pool }: WorkContext,
  server: ScriptedServer,
  random: SeededRandom
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const open = Array.from(server.open)
    const one = random.pick(open)
    switch (step) {
      case "pass time":
        return TestClock.adjust(random.int(1, 60))
      case "wait":
        return TestClock.adjust(random.pick([500, 2000, 8000])!)
      case "lose a session":
        one?.lose()
        break
      case "lose all sessions":
        for (const session of open) session.lose()
        break
      case "silence a session":
        one?.silence()
        break
      case "slow down a session":
        one?.behave({ roundTripMillis: random.int(0, 800) })
        break
      case "end slowly":
        one?.behave({ settleMillis: random.int(10, 7000), closeMillis: random.int(0, 3000) })
        break
      case "taint a session":
        one?.leaveState(random.chance(0.8) ? "reset" : "close")
        break
      case "fail recovery":
        one?.behave({ recovers: false })
        break
      case "look silent":
        one?.setLastReceivedAt(0)
        break
      case "reset the pool":
        return pool.reset
      case "dials fail":
        server.change({ dials: Dial.fails(random.pick(FAILURES)!, random.int(0, 100)) })
        break
      case "dials hang":
        server.change({ dials: Dial.hangs })
        break
      case "dials are slow":
        server.change({ dials: Dial.succeeds(random.int(100, 3000)) })
        break
      case "dials succeed":
        server.change({ dials: Dial.succeeds(random.int(0, 20)) })
        break
    }
    return Effect.void
  })
