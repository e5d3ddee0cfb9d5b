/** One life of a pool over scripted sessions: two hundred steps of work, trouble and time, then peace, then its end. */
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
import { CommitBook } from "../chaos/CommitBook.ts"
import type { Dice } from "../chaos/Dice.ts"
import { Findings } from "../chaos/Findings.ts"
import type { Scene } from "../chaos/Scene.ts"
import { work } from "../chaos/Work.ts"
import { ScriptedTable } from "./ScriptedTable.ts"

const STEPS = 200

/** How often each step is taken. */
const WEIGHTS = [
  ["work", 100],
  ["pass", 60],
  ["wait", 4],
  ["lose one", 4],
  ["lose all", 1],
  ["silence", 1],
  ["slow", 2],
  ["stubborn", 1],
  ["soil", 2],
  ["not recover", 1],
  ["doze", 2],
  ["renew", 1],
  ["dials fail", 3],
  ["dials hang", 1],
  ["dials are slow", 1],
  ["dials are well", 8]
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

/** A snapshot costs more than a step; the sockets are looked at after each. */
const SNAPSHOT_EVERY = 10

/** Milliseconds after which everything has an end: the longest deadline, a cancel, a recovery, a goodbye. */
const SETTLED_MILLIS = 20_000

/** The longest shutdown timeout is shorter. */
const END_MILLIS = 60_000

const settingsOf = (dice: Dice) => {
  const max = dice.int(1, 6)
  return {
    pool: {
      min: dice.int(0, Math.min(3, max)),
      max,
      maxWaiting: dice.int(1, 20),
      acquireTimeout: dice.pick([200, 1000, 5000])!,
      idleTimeout: dice.pick([2000, 300_000])!,
      maxLifetime: dice.pick([5000, 60_000, 1_800_000])!
    },
    statementTimeout: dice.pick([500, 2000, 30_000])!,
    healthCheckInterval: dice.pick([1000, 30_000])!,
    shutdownTimeout: dice.pick([1000, 20_000])!
  } satisfies SettingsInput
}

/** Lives one life; what was wrong in it is in the findings. */
export const live = (dice: Dice): Effect.Effect<Findings> =>
  Effect.provide(Effect.scoped(lifeOf(dice)), TestClock.layer())

const lifeOf = Effect.fnUntraced(function* (dice: Dice) {
  const now = monotonicMillis(yield* Clock.Clock)
  const findings = new Findings(now)
  const table = new ScriptedTable(dice.fork(), findings)
  const settings = settingsOf(dice)
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(
    ScriptedSessions.layerClient(table.statements, {
      settings,
      script: { session: { roundTripMillis: dice.int(0, 30) } }
    }).pipe(Layer.provide(Logger.layer([]))),
    scope
  ).pipe(Effect.provideService(Random.Random, seeded(dice.fork())), Effect.orDie)
  const server = Context.get(context, ScriptedSessions)
  table.attach(server)
  const book = new CommitBook()
  const scene: Scene = {
    pool: Context.get(context, SessionPool),
    sql: Context.get(context, PgClient),
    book,
    findings,
    now,
    stalled: () => 0,
    running: new Map(),
    holders: new Map(),
    outcomes: new Map(),
    onFailure: () => {}
  }
  const workers = new Set<Fiber.Fiber<void>>()
  for (let step = 0; step < STEPS && findings.count === 0; step++) {
    const taken = dice.weighted(WEIGHTS)
    if (taken === "work") workers.add(yield* Effect.forkChild(work(scene, dice.fork()), { startImmediately: true }))
    else yield* take(taken, scene, server, dice)
    checkSockets(scene, server, settings.pool.max)
    if (step % SNAPSHOT_EVERY === 0) yield* checkSum(scene)
  }

  server.change({ dials: Dial.succeeds(), session: {} })
  yield* TestClock.adjust(SETTLED_MILLIS)
  for (const { name } of scene.running.values()) findings.add(`a ${name} never settled`)
  for (const worker of workers) worker.interruptUnsafe()
  yield* checkQuiet(scene, server)
  book.audit(table.rows, findings)

  const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
  yield* TestClock.adjust(END_MILLIS)
  findings.must(closing.pollUnsafe() !== undefined, () => "the pool did not end")
  findings.must(server.open.size === 0, () => `${server.open.size} sockets were left when the pool had ended`)
  findings.must(server.unexpected.length === 0, () => `nobody knows what "${server.unexpected[0]}" is`)
  return findings
})

/** The pool's own chances, so that a seed repeats them too. */
const seeded = (dice: Dice): Context.Service.Shape<typeof Random.Random> => ({
  nextDoubleUnsafe: dice.next,
  nextIntUnsafe: () => dice.int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
})

const checkSockets = ({ findings }: Scene, server: ScriptedServer, max: number): void =>
  findings.must(server.mostSockets <= max, () => `there were ${server.mostSockets} sockets, and ${max} may be`)

const checkSum = ({ findings, pool }: Scene): Effect.Effect<void> =>
  Effect.map(pool.snapshot, ({ closing, connecting, idle, max, used }) => {
    const sum = connecting + idle + used + closing
    findings.must(sum <= max, () => `${sum} sessions stand or are under way, and ${max} may`)
  })

const checkQuiet = (scene: Scene, server: ScriptedServer): Effect.Effect<void> =>
  Effect.map(scene.pool.snapshot, ({ open, used, waiting }) => {
    const { findings } = scene
    findings.must(waiting === 0, () => `${waiting} wait though nobody asks`)
    findings.must(used === 0, () => `${used} sessions are used though nobody works`)
    findings.must(server.open.size <= open, () => `${server.open.size} sockets are open for ${open} sessions`)
    findings.must(scene.holders.size === 0, () => `${scene.holders.size} leases were never given back`)
  })

const take = (step: Exclude<Step, "work">, { pool }: Scene, server: ScriptedServer, dice: Dice): Effect.Effect<void> =>
  Effect.suspend(() => {
    const standing = Array.from(server.open)
    const one = dice.pick(standing)
    switch (step) {
      case "pass":
        return TestClock.adjust(dice.int(1, 60))
      case "wait":
        return TestClock.adjust(dice.pick([500, 2000, 8000])!)
      case "lose one":
        one?.lose()
        break
      case "lose all":
        for (const session of standing) session.lose()
        break
      case "silence":
        one?.silence()
        break
      case "slow":
        one?.behave({ roundTripMillis: dice.int(0, 800) })
        break
      case "stubborn":
        one?.behave({ settleMillis: dice.int(10, 7000), closeMillis: dice.int(0, 3000) })
        break
      case "soil":
        one?.leaveState(dice.chance(0.8) ? "reset" : "close")
        break
      case "not recover":
        one?.behave({ recovers: false })
        break
      case "doze":
        one?.setLastReceivedAt(0)
        break
      case "renew":
        return pool.reset
      case "dials fail":
        server.change({ dials: Dial.fails(dice.pick(FAILURES)!, dice.int(0, 100)) })
        break
      case "dials hang":
        server.change({ dials: Dial.hangs })
        break
      case "dials are slow":
        server.change({ dials: Dial.succeeds(dice.int(100, 3000)) })
        break
      case "dials are well":
        server.change({ dials: Dial.succeeds(dice.int(0, 20)) })
        break
    }
    return Effect.void
  })
