/**
 * The pool's state machine against a model of its requirements, with random histories.
 *
 * A failing history is shrunk and printed with its seed and path. To run it again:
 * `POOL_SEED=<seed> POOL_PATH=<path> npx vitest run test/services/pool/core/PoolCore.model.test.ts`.
 * `POOL_RUNS` sets the number of histories per property, 4000 unless it is given.
 */
import { describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Command, Action, Scenario } from "./PoolCommands.ts"
import { PoolWorld } from "./PoolWorld.ts"

const RUNS = Number(process.env["POOL_RUNS"] ?? 4000)
const COMMANDS = 100

/** Many histories of a hundred commands: a minute on a busy machine. */
const TIMEOUT_MILLIS = Math.max(180_000, RUNS * 90)

const parameters: fc.Parameters<[Scenario, ReadonlyArray<Command>]> = {
  numRuns: RUNS,
  ...(process.env["POOL_SEED"] === undefined ? {} : { seed: Number(process.env["POOL_SEED"]) }),
  ...(process.env["POOL_PATH"] === undefined ? {} : { path: process.env["POOL_PATH"] })
}

/** How often each action is drawn, so that pools fill, empty and see every kind of fault. */
const WEIGHTS: Record<Action, number> = {
  acquire: 12,
  release: 8,
  "run statement": 6,
  "complete dial": 8,
  "fail dial": 3,
  "lose session": 2,
  "answer probe": 3,
  "fail probe": 2,
  "complete recovery": 3,
  "fail recovery": 2,
  "complete close": 4,
  "pass time": 5,
  tick: 6,
  "receive data": 2,
  taint: 1,
  evict: 2,
  drain: 0
}

const action = fc.oneof(
  ...Object.entries(WEIGHTS).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as Action) }))
)

const command: fc.Arbitrary<Command> = fc.record({ action, index: fc.nat(11), variant: fc.nat(27) })

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

const reactingLater: fc.Arbitrary<Scenario> = fc.record({ limits, dice, reactions: fc.constant([]) })

const reactingAtOnce: fc.Arbitrary<Scenario> = fc.record({
  limits,
  dice,
  reactions: fc.array(fc.nat(2), { minLength: 1, maxLength: 12 })
})

const play = (scenario: Scenario, history: ReadonlyArray<Command>): PoolWorld => {
  const world = new PoolWorld(scenario)
  for (const step of history) world.run(step)
  return world
}

const holdsFor = (scenario: fc.Arbitrary<Scenario>) =>
  fc.assert(
    fc.property(scenario, commands, (scenario, history) => play(scenario, history).settle()),
    parameters
  )

describe("PoolCore", () => {
  it("keeps every rule in any history when hooks are answered later", () => holdsFor(reactingLater), TIMEOUT_MILLIS)

  it("keeps every rule when hooks call back synchronously", () => holdsFor(reactingAtOnce), TIMEOUT_MILLIS)

  it(
    "assigns nothing, dials nothing and closes everything once it drains",
    () => {
      fc.assert(
        fc.property(fc.oneof(reactingLater, reactingAtOnce), commands, (scenario, history) => {
          const at = Math.floor((history.length * 2) / 3)
          const drained: Command = { action: "drain", index: 0, variant: 0 }
          play(scenario, history.toSpliced(at, 0, drained)).settle()
        }),
        parameters
      )
    },
    TIMEOUT_MILLIS
  )
})
