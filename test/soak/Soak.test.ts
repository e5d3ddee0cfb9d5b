/**
 * The pool, its client and its listener over scripted sessions: many lives of two hundred random steps on a test clock.
 *
 * `SOAK_SEEDS` sets how many, 100 unless it is given; `npm run test:soak` lives 10 000. A life that breaks a rule is
 * printed with its seed; `SOAK_SEED=<seed> npx vitest run test/soak` lives that one again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Dice } from "../chaos/Dice.ts"
import { live } from "./SoakWorld.ts"

const SEEDS = Number(process.env["SOAK_SEEDS"] ?? 100)
const FIRST = Number(process.env["SOAK_SEED"] ?? 1)
const COUNT = process.env["SOAK_SEED"] === undefined ? SEEDS : 1

/** Four times the five minutes that ten thousand lives may take. */
const TIMEOUT_MILLIS = Math.max(180_000, COUNT * 120)

/** After so many lives that broke a rule there is enough to look into. */
const MOST_BROKEN = 3

describe("a pool over scripted sessions", () => {
  it.live(
    `keeps every rule in ${COUNT} lives of 200 steps`,
    () =>
      Effect.gen(function* () {
        const broken: Array<string> = []
        for (let seed = FIRST; seed < FIRST + COUNT && broken.length < MOST_BROKEN; seed++) {
          const findings = yield* live(new Dice(seed))
          if (findings.count > 0) broken.push(`SOAK_SEED=${seed}: ${findings.list.join("; ")}`)
        }
        assert.deepStrictEqual(broken, [])
      }),
    TIMEOUT_MILLIS
  )
})
