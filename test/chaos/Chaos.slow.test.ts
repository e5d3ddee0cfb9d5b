/**
 * Two hundred fibers of mixed work through proxy and pooler to a real PostgreSQL, under random faults.
 *
 * `npm run test:chaos` takes a minute; `CHAOS_SECONDS` makes it longer. The seed is printed and selects the work and
 * the faults: `CHAOS_SEED=<seed> npm run test:chaos` repeats them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { SecretScanner } from "./SecretScanner.ts"
import { type RoundReport, runRound } from "./ChaosRound.ts"
import { SeededRandom } from "./SeededRandom.ts"
import { Violations } from "./Violations.ts"
import { LoopStalls } from "./LoopStalls.ts"
import { memory, openSockets } from "./ProcessState.ts"

const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 60)
const SEED = Number(process.env["CHAOS_SEED"] ?? Date.now() % 1_000_000)

/** The life of one pool: long enough to replace its sessions a few times, short enough to drain several pools. */
const ROUND_SECONDS = 20

/** The first round does not count: what it compiles and caches would look like a leak. */
const WARM_UP_SECONDS = 4

const MILLIS = 1000

/** Despite a fault every few hundred milliseconds, this much work succeeds. */
const MIN_COMMITTED_PER_SECOND = 5
const MIN_FAULTS_PER_SECOND = 200 / 60

const MEGABYTE = 1024 * 1024
const MAX_GROWTH = 20 * MEGABYTE

/** Time for the start, the checks and the drains. */
const AROUND_MILLIS = 120_000

/** Between two words are characters that differ between encodings. */
const PASSWORD = Redacted.make("Kanarienvogel%:/@&'\"+\\ 7zwitschert")

describe("chaos", () => {
  it.live(
    `nothing is lost, leased twice, late or left behind (seed ${SEED})`,
    () =>
      Effect.gen(function* () {
        yield* say(`chaos: ${SECONDS} s; again with CHAOS_SEED=${SEED} CHAOS_SECONDS=${SECONDS} npm run test:chaos`)
        const violations = new Violations(() => performance.now())
        const onRejection = (error: unknown) => violations.add(`unhandled rejection: ${String(error)}`)
        process.on("unhandledRejection", onRejection)
        const postgres = yield* TestPostgres
        const scanner = new SecretScanner(
          [Redacted.value(PASSWORD), Redacted.value(postgres.server.password)],
          violations
        )
        yield* scanner.console
        const stalls = yield* LoopStalls.make
        const random = new SeededRandom(SEED)
        const injected = new Map<string, number>()
        const outcomes = new Map<string, number>()
        const failures = new Map<string, number>()
        const run = (seconds: number) =>
          runRound({
            postgres,
            random: random.fork(),
            violations,
            scanner,
            stalls,
            millis: seconds * MILLIS,
            password: PASSWORD,
            outcomes,
            failures,
            injected
          })

        yield* run(WARM_UP_SECONDS)
        const before = { memory: memory(), sockets: openSockets() }
        injected.clear()
        const reports: Array<RoundReport> = []
        for (let left = SECONDS; left > 0 && violations.count === 0; left -= ROUND_SECONDS) {
          reports.push(yield* run(Math.min(left, ROUND_SECONDS)))
        }
        process.off("unhandledRejection", onRejection)

        const sum = (key: keyof RoundReport) => reports.reduce((total, report) => total + report[key], 0)
        const faultCount = Array.from(injected.values()).reduce((total, times) => total + times, 0)
        const grown = memory() - before.memory
        yield* say(`faults (${faultCount}): ${listOf(injected)}`)
        yield* say(`work: ${listOf(outcomes)}`)
        yield* say(`failures: ${listOf(failures)}`)
        yield* say(
          `rows: ${sum("committed")} committed, ${sum("unknown")} unknown, of ${sum("rows")}; ` +
            `most sessions ${Math.max(...reports.map((report) => report.mostSessions))}, ${sum("cancels")} cancels; ` +
            `${scanner.scanned} texts scanned; memory ${(grown / MEGABYTE).toFixed(1)} MB; ` +
            `stalled ${stalls.total.toFixed(0)} ms`
        )
        violations.must(openSockets() <= before.sockets, () => `${openSockets() - before.sockets} sockets leaked`)
        violations.must(grown <= MAX_GROWTH, () => `the memory grew by ${(grown / MEGABYTE).toFixed(1)} MB`)
        if (violations.count === 0) {
          const committed = sum("committed")
          violations.must(
            committed >= SECONDS * MIN_COMMITTED_PER_SECOND,
            () => `only ${committed} rows were committed`
          )
          violations.must(
            faultCount >= SECONDS * MIN_FAULTS_PER_SECOND,
            () => `only ${faultCount} faults were injected`
          )
        }
        assert.deepStrictEqual(violations.list, [], `CHAOS_SEED=${SEED}: ${violations.count} rules broken`)
      }).pipe(Effect.scoped, Effect.provide(TestPostgres.layer)),
    SECONDS * 2 * MILLIS + AROUND_MILLIS
  )
})

const listOf = (counts: ReadonlyMap<string, number>): string =>
  Array.from(counts, ([name, times]) => `${name} ${times}`).join(", ")

const say = (line: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(`${line}\n`))
