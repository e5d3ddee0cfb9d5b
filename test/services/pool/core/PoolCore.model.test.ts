/**
 * The pool's state machine against a model of its requirements, with random histories.
 *
 * A failing history is shrunk and printed with its seed and path. To run that one again:
 * `POOL_SEED=<seed> POOL_PATH=<path> npx vitest run test/services/pool/core/PoolCore.model.test.ts`.
 * `POOL_RUNS` sets the number of histories per property, 4000 unless it is given.
 */
import { describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Command, Deed, Setting } from "../PoolHistory.ts"
import { PoolWorld } from "./PoolWorld.ts"

const RUNS = Number(process.env["POOL_RUNS"] ?? 4000)
const COMMANDS = 100

/** Many histories of a hundred commands: a minute on a machine that has other things to do. */
const TIMEOUT_MILLIS = Math.max(180_000, RUNS * 90)

const parameters: fc.Parameters<[Setting, ReadonlyArray<Command>]> = {
  numRuns: RUNS,
  ...(process.env["POOL_SEED"] === undefined ? {} : { seed: Number(process.env["POOL_SEED"]) }),
  ...(process.env["POOL_PATH"] === undefined ? {} : { path: process.env["POOL_PATH"] })
}

/** How often each deed is drawn: enough that pools fill, empty, and see every kind of trouble. */
const WEIGHTS: Record<Deed, number> = {
  acquire: 12,
  release: 8,
  speak: 6,
  "answer dial": 8,
  "refuse dial": 3,
  lose: 2,
  "answer probe": 3,
  "fail probe": 2,
  recover: 3,
  "fail recovery": 2,
  close: 4,
  pass: 5,
  tick: 6,
  hear: 2,
  spoil: 1,
  evict: 2,
  drain: 0
}

const deed = fc.oneof(
  ...Object.entries(WEIGHTS).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as Deed) }))
)

const command: fc.Arbitrary<Command> = fc.record({ deed, pick: fc.nat(11), how: fc.nat(27) })

const commands = fc.array(command, { minLength: 1, maxLength: COMMANDS, size: "max" })

const limits = fc.nat(4).chain((min) =>
  fc.record({
    min: fc.constant(min),
    max: fc.integer({ min: Math.max(1, min), max: min + 4 }),
    maxWaiting: fc.integer({ min: 1, max: 6 }),
    idleTimeout: fc.constantFrom(2000, 300_000),
    maxLifetime: fc.constantFrom(5000, 60_000, 1_800_000),
    openAtStart: fc.boolean()
  })
)

const dice = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 8 })

const answeringLater: fc.Arbitrary<Setting> = fc.record({ limits, dice, reactions: fc.constant([]) })

const answeringAtOnce: fc.Arbitrary<Setting> = fc.record({
  limits,
  dice,
  reactions: fc.array(fc.nat(2), { minLength: 1, maxLength: 12 })
})

const live = (setting: Setting, history: ReadonlyArray<Command>): PoolWorld => {
  const world = new PoolWorld(setting)
  for (const step of history) world.run(step)
  return world
}

const holdsFor = (setting: fc.Arbitrary<Setting>) =>
  fc.assert(
    fc.property(setting, commands, (setting, history) => live(setting, history).makePeace()),
    parameters
  )

describe("PoolCore", () => {
  it(
    "keeps every rule in any history when hooks are answered later",
    () => holdsFor(answeringLater),
    TIMEOUT_MILLIS
  )

  it("keeps every rule when hooks call back synchronously", () => holdsFor(answeringAtOnce), TIMEOUT_MILLIS)

  it(
    "assigns nothing, dials nothing and closes everything once it drains",
    () => {
      fc.assert(
        fc.property(fc.oneof(answeringLater, answeringAtOnce), commands, (setting, history) => {
          const at = Math.floor((history.length * 2) / 3)
          const drained: Command = { deed: "drain", pick: 0, how: 0 }
          live(setting, history.toSpliced(at, 0, drained)).makePeace()
        }),
        parameters
      )
    },
    TIMEOUT_MILLIS
  )
})
