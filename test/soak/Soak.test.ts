/**
 * The pool and its client over scripted sessions: many runs of two hundred random steps on a test clock.
 *
 * `SOAK_SEEDS` sets the number of runs, default 100; `npm run test:soak` makes 10 000. A run that breaks a rule is
 * printed with its seed; `SOAK_SEED=<seed> npm run test:soak` repeats it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SeededRandom } from "../chaos/SeededRandom.ts"
import { run } from "./SoakRun.ts"

const SEEDS = Number(process.env["SOAK_SEEDS"] ?? 100)
const FIRST = Number(process.env["SOAK_SEED"] ?? 1)
const COUNT = process.env["SOAK_SEED"] === undefined ? SEEDS : 1

/** Four times the five minutes that ten thousand runs may take. */
const TIMEOUT_MILLIS = Math.max(180_000, COUNT * 120)

/** Stops after so many runs that broke a rule. */
const MAX_BROKEN = 3

describe("a pool over scripted sessions", () => {
  it.live(
    `keeps every rule in ${COUNT} runs of 200 steps`,
    () =>
      Effect.gen(function* () {
        const broken: Array<string> = []
        for (let seed = FIRST; seed < FIRST + COUNT && broken.length < MAX_BROKEN; seed++) {
          const violations = yield* run(new SeededRandom(seed))
          if (violations.count > 0) broken.push(`SOAK_SEED=${seed}: ${violations.list.join("; ")}`)
        }
        assert.deepStrictEqual(broken, [])
      }),
    TIMEOUT_MILLIS
  )
})
