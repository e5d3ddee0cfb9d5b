/**
 * Two hundred fibers of mixed work through proxy and pooler to a real PostgreSQL, while everything goes wrong.
 *
 * `npm run test:chaos` takes a minute; `CHAOS_SECONDS` makes it longer. The seed is printed and decides which work is
 * done and which faults strike: `CHAOS_SEED=<seed> npm run test:chaos` strikes the same again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { Canary } from "./Canary.ts"
import { type RoundReport, storm } from "./ChaosRound.ts"
import { Dice } from "./Dice.ts"
import { Findings } from "./Findings.ts"
import { LoopStalls } from "./LoopStalls.ts"
import { memory, openSockets } from "./ProcessState.ts"

const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 60)
const SEED = Number(process.env["CHAOS_SEED"] ?? Date.now() % 1_000_000)

/** One pool lives that long: time for its sessions to be replaced a few times, and rounds enough to end some pools. */
const ROUND_SECONDS = 20

/** A first round that does not count: what is compiled and cached by it would look like a leak. */
const WARM_UP_SECONDS = 4

const MILLIS = 1000

/** A pool that is torn every few hundred milliseconds still works between. */
const LEAST_COMMITTED_PER_SECOND = 5
const LEAST_FAULTS_PER_SECOND = 200 / 60

const MEGABYTE = 1024 * 1024
const MOST_GROWTH = 20 * MEGABYTE

/** Everything around the storm: start, quiet, drains. */
const AROUND_MILLIS = 120_000

/** Between two words are characters that every encoding writes differently. */
const PASSWORD = Redacted.make("Kanarienvogel%:/@&'\"+\\ 7zwitschert")

describe("chaos", () => {
  it.live(
    `nothing is lost, lent twice, late or left behind (seed ${SEED})`,
    () =>
      Effect.gen(function* () {
        yield* say(`chaos: ${SECONDS} s; again with CHAOS_SEED=${SEED} CHAOS_SECONDS=${SECONDS} npm run test:chaos`)
        const findings = new Findings(() => performance.now())
        const onRejection = (error: unknown) => findings.add(`nobody handled the rejection ${String(error)}`)
        process.on("unhandledRejection", onRejection)
        const postgres = yield* TestPostgres
        const canary = new Canary([Redacted.value(PASSWORD), Redacted.value(postgres.server.password)], findings)
        yield* canary.listening
        const stalls = yield* LoopStalls.make
        const dice = new Dice(SEED)
        const struck = new Map<string, number>()
        const outcomes = new Map<string, number>()
        const failures = new Map<string, number>()
        const run = (seconds: number) =>
          storm({
            postgres,
            dice: dice.fork(),
            findings,
            canary,
            stalls,
            millis: seconds * MILLIS,
            password: PASSWORD,
            outcomes,
            failures,
            struck
          })

        yield* run(WARM_UP_SECONDS)
        const before = { memory: memory(), sockets: openSockets() }
        struck.clear()
        const reports: Array<RoundReport> = []
        for (let left = SECONDS; left > 0 && findings.count === 0; left -= ROUND_SECONDS) {
          reports.push(yield* run(Math.min(left, ROUND_SECONDS)))
        }
        process.off("unhandledRejection", onRejection)

        const sum = (key: keyof RoundReport) => reports.reduce((total, report) => total + report[key], 0)
        const strikes = Array.from(struck.values()).reduce((total, times) => total + times, 0)
        const grown = memory() - before.memory
        yield* say(`faults (${strikes}): ${listOf(struck)}`)
        yield* say(`work: ${listOf(outcomes)}`)
        yield* say(`failures: ${listOf(failures)}`)
        yield* say(
          `rows: ${sum("committed")} committed, ${sum("unknown")} unknown, of ${sum("rows")}; ` +
            `most sessions ${Math.max(...reports.map((report) => report.mostSessions))}, ${sum("cancels")} cancels; ` +
            `${canary.heard} texts listened to; memory ${(grown / MEGABYTE).toFixed(1)} MB; ` +
            `stalled ${stalls.total.toFixed(0)} ms`
        )
        findings.must(openSockets() <= before.sockets, () => `${openSockets() - before.sockets} sockets leaked`)
        findings.must(grown <= MOST_GROWTH, () => `the memory grew by ${(grown / MEGABYTE).toFixed(1)} MB`)
        if (findings.count === 0) {
          const committed = sum("committed")
          findings.must(
            committed >= SECONDS * LEAST_COMMITTED_PER_SECOND,
            () => `only ${committed} rows were committed`
          )
          findings.must(strikes >= SECONDS * LEAST_FAULTS_PER_SECOND, () => `only ${strikes} faults struck`)
        }
        assert.deepStrictEqual(findings.list, [], `CHAOS_SEED=${SEED}: ${findings.count} rules broken`)
      }).pipe(Effect.scoped, Effect.provide(TestPostgres.layer)),
    SECONDS * 2 * MILLIS + AROUND_MILLIS
  )
})

const listOf = (counts: ReadonlyMap<string, number>): string =>
  Array.from(counts, ([name, times]) => `${name} ${times}`).join(", ")

const say = (line: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(`${line}\n`))
