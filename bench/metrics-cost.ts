/**
 * What metrics cost: throughput of `select 1` with and without metrics, in one run.
 *
 * `node bench/metrics-cost.ts [rounds] [callers]` starts its own PostgreSQL. Rounds with and without metrics alternate on
 * one pool, so that changes of the machine's speed affect both. With metrics, `PoolMetrics` also renders its text once a
 * second, which is more often than usual; without, the pool records neither statement, wait nor use times.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as SupavisorLayer from "../src/layers/SupavisorLayer.ts"
import type { Histogram } from "../src/services/stats/Histogram.ts"
import { PoolMetrics } from "../src/services/observability/PoolMetrics.ts"
import { SessionPool } from "../src/services/pool/SessionPool.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"

/** Length of a round: short, so that a shared machine has the same speed for both kinds. */
const ROUND_MILLIS = 250

/** The first rounds do not count: V8 compiles and caches fill. */
const WARM_UP_ROUNDS = 10

/** A scrape in every fourth round with metrics is one per second. */
const ROUNDS_PER_SCRAPE = 4

const [rounds = 60, callers = 10] = process.argv.slice(2).map(Number)

const makePool = Effect.fnUntraced(function* () {
  const { url } = yield* TestPostgres
  const context = yield* Layer.build(
    SupavisorLayer.layer({ url, pool: { min: callers, max: callers } }).pipe(
      Layer.provide(Logger.layer([])),
      Layer.fresh
    )
  )
  return Context.get(context, SessionPool)
})

/** Makes a histogram's recording switchable, with everything else unchanged. */
const switched = (histogram: Histogram) => {
  const record = histogram.recordMillis.bind(histogram)
  let isOn = true
  histogram.recordMillis = (millis) => {
    if (isOn) record(millis)
  }
  return (on: boolean) => {
    isOn = on
  }
}

interface Round {
  /** Statements per second of wall-clock time. */
  readonly speed: number
  /** Processor time of this process per statement, in microseconds; independent of other processes. */
  readonly micros: number
}

const run = Effect.fnUntraced(function* (pool: SessionPool["Service"], scrape: Effect.Effect<unknown>) {
  const started = performance.now()
  const used = process.cpuUsage()
  let done = 0
  const statement = pool.borrow((session) => session.executeValues("select 1", []))
  const caller = Effect.repeat(statement, {
    while: () => {
      done++
      return performance.now() - started < ROUND_MILLIS
    }
  })
  yield* scrape
  yield* Effect.all(
    Array.from({ length: callers }, () => caller),
    { concurrency: "unbounded", discard: true }
  )
  const { system, user } = process.cpuUsage(used)
  const round: Round = { speed: (done * 1000) / (performance.now() - started), micros: (system + user) / done }
  return round
})

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

const bench = Effect.gen(function* () {
  const pool = yield* makePool()
  const context = yield* Layer.build(PoolMetrics.layer.pipe(Layer.provide(Layer.succeed(SessionPool, pool))))
  const { prometheus } = Context.get(context, PoolMetrics)
  const times = yield* pool.times
  const { operations } = times
  const switches = [switched(times.waitTime), switched(times.useTime)]
  const measure = (on: boolean) =>
    Effect.sync(() => {
      times.operations = on ? operations : undefined
      for (const turn of switches) turn(on)
    })
  const withoutMetrics = Effect.andThen(measure(false), run(pool, Effect.void))
  const withMetrics = (round: number) =>
    Effect.andThen(measure(true), run(pool, round % ROUNDS_PER_SCRAPE === 0 ? prometheus : Effect.void))
  const pairs: Array<{ readonly plain: Round; readonly measured: Round }> = []
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const isPlainFirst = round % 2 === 0
    const first = yield* isPlainFirst ? withoutMetrics : withMetrics(round)
    const second = yield* isPlainFirst ? withMetrics(round) : withoutMetrics
    if (round >= 0) pairs.push(isPlainFirst ? { plain: first, measured: second } : { plain: second, measured: first })
  }
  const report = (name: string, unit: string, cost: (pair: (typeof pairs)[number]) => number, read: keyof Round) => {
    const [without, withThem] = (["plain", "measured"] as const).map((kind) =>
      median(pairs.map((pair) => pair[kind][read]))
    )
    console.log(`${name}: ${without?.toFixed(1)} ${unit} without metrics, ${withThem?.toFixed(1)} with them (medians)`)
    console.log(`  costs ${(median(pairs.map(cost)) * 100).toFixed(1)} % (median of the pairs)`)
  }
  console.log(`${callers} callers, ${rounds} pairs of rounds of ${ROUND_MILLIS} ms each`)
  report("throughput", "statements/s", ({ measured, plain }) => 1 - measured.speed / plain.speed, "speed")
  report("processor time", "us per statement", ({ measured, plain }) => measured.micros / plain.micros - 1, "micros")
})

await Effect.runPromise(bench.pipe(Effect.scoped, Effect.provide(TestPostgres.layer)))
