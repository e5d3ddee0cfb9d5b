import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { type DatabaseLoad, SizeReport, sizeReportOf } from "../../../../src/services/inspect/LoadObserver.ts"
import { tiers } from "../../../../src/services/config/PoolSizing.ts"
import { observedDemandOf } from "../../../../src/services/inspect/sizing/SizeReport.ts"
import { quantileOf } from "../../../../src/services/stats/Quantile.ts"

const observedOf = (facts: Partial<DatabaseLoad> = {}): DatabaseLoad => ({
  windowMillis: 60_000,
  busySamples: Array.from({ length: 120 }, () => 2),
  transactions: 6000,
  heldMillis: 120_000,
  database: "postgres",
  role: "postgres",
  statements: undefined,
  idleInTransaction: 0,
  hidden: 0,
  ...facts
})

const load = fc.record({
  windowMillis: fc.integer({ min: 1000, max: 3_600_000 }),
  busySamples: fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 50 }),
  transactions: fc.integer({ min: 0, max: 1_000_000 }),
  heldMillis: fc.double({ min: 0, max: 1e9, noNaN: true }),
  statements: fc.option(fc.record({ calls: fc.nat(), millis: fc.double({ min: 0, max: 1e9, noNaN: true }) }), {
    nil: undefined
  })
})

describe("The demand of a measured load", () => {
  it("follows Little's law when the samples are not larger: 100 per second of 20 ms each use 2 sessions", () => {
    const demand = observedDemandOf(observedOf())
    assert.deepInclude(demand, {
      transactionsPerSecond: 100,
      meanHeldMillis: 20,
      busyByLaw: 2,
      busySeen: 2,
      operations: 2,
      sessions: 3
    })
  })

  it("counts running transactions and bursts by samples", () => {
    const long = observedDemandOf(observedOf({ transactions: 0, heldMillis: 0, busySamples: [7, 7, 7] }))
    assert.deepInclude(long, { busyByLaw: 0, operations: 7, meanHeldMillis: undefined })
    const bursts = [...Array.from({ length: 90 }, () => 1), ...Array.from({ length: 9 }, () => 8), 40]
    assert.deepInclude(observedDemandOf(observedOf({ busySamples: bursts })), {
      busyAtBursts: 8,
      busyAtMost: 40,
      operations: 8
    })
  })

  it("is undefined when nothing ran", () => {
    assert.isUndefined(observedDemandOf(observedOf({ transactions: 0, heldMillis: 0, busySamples: [0, 0] })))
    assert.isUndefined(observedDemandOf(observedOf({ transactions: 0, heldMillis: 0, busySamples: [] })))
  })

  it("never gives fewer sessions than are busy on average, and grows with the load", () => {
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 10 }), (one, factor) => {
        const demand = observedDemandOf(one)
        if (demand === undefined) return
        assert.isAtLeast(demand.sessions, demand.busyByLaw)
        assert.isAtLeast(demand.sessions, demand.busySeen)
        assert.isAtLeast(demand.sessions, demand.busyByStatements)
        assert.isAtLeast(demand.sessions, demand.busyAtBursts)
        const more = observedDemandOf({
          ...one,
          transactions: one.transactions * factor,
          heldMillis: one.heldMillis * factor,
          statements:
            one.statements === undefined ? undefined : { ...one.statements, millis: one.statements.millis * factor },
          busySamples: one.busySamples.map((busy) => busy * factor)
        })
        assert.isAtLeast(more?.sessions ?? 0, demand.sessions)
      })
    )
  })

  it("computes quantiles", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, share) => {
          const bound = quantileOf(values, share)
          assert.include(values, bound)
          assert.isAtLeast(values.filter((value) => value <= bound).length, Math.ceil(share * values.length))
        }
      )
    )
  })
})

describe("The size report", () => {
  const inputs = fc.record(
    {
      agent: fc.constantFrom("small", "medium", "large"),
      operations: fc.integer({ min: 1, max: 500 }),
      observed: load.map((one) => observedOf(one)),
      processes: fc.integer({ min: 1, max: 20 }),
      tier: fc.constantFrom(...tiers.map(({ tier }) => tier)),
      poolerSize: fc.integer({ min: 1, max: 200 })
    },
    { requiredKeys: [] }
  )

  it("has the same numbers in its variables, and warns exactly when all processes exceed the pooler's pool size", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const report = sizeReportOf(input)
        assert.isAtMost(report.min, report.max)
        assert.isAtLeast(report.max, 1)
        assert.strictEqual(report.total, report.max * (input.processes ?? 1))
        assert.deepStrictEqual(report.environment, {
          DB_POOL_MIN: String(report.min),
          DB_POOL_MAX: String(report.max)
        })
        const granted = input.poolerSize ?? tiers.find(({ tier }) => tier === input.tier)?.defaultPoolSize ?? 15
        assert.strictEqual(
          report.warnings.some((warning) => warning.includes("sessions the pooler grants to one role")),
          report.total > granted
        )
        assert.isNotEmpty(report.reasoning)
      })
    )
  })

  it.effect("follows its schema as JSON", () =>
    Effect.gen(function* () {
      for (const input of fc.sample(inputs, 50)) {
        const report = sizeReportOf(input)
        const read = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(SizeReport))(JSON.stringify(report))
        assert.deepStrictEqual(read, report)
      }
    })
  )

  it("divides a measured load among the processes, and lists the measurements", () => {
    const observed = observedOf({ busySamples: [12, 12], statements: { calls: 12_000, millis: 60_000 } })
    const { max, reasoning, warnings } = sizeReportOf({ observed, processes: 3 })
    assert.strictEqual(max, 5, "four operations each, and a buffer of one")
    const text = reasoning.join("\n")
    assert.include(text, "100 transactions per second (pg_stat_database) held a session for 20 ms on average")
    assert.include(text, "by Little's law, 2 sessions were in use")
    assert.include(text, "2 samples of pg_stat_activity had 12 sessions in use on average")
    assert.include(
      text,
      "pg_stat_statements counted 200 statements per second of 5 ms each: by the same law, 1 ran concurrently"
    )
    assert.include(text, "Divided among 3 processes: 4 operations each.")
    assert.deepStrictEqual(warnings, [])
  })

  it("warns of no load, few transactions, hidden sessions and idle transactions", () => {
    const nothing = sizeReportOf({ observed: observedOf({ busySamples: [0], transactions: 0, heldMillis: 0 }) })
    assert.deepInclude(nothing, { min: 2, max: 5, observed: null })
    assert.match(nothing.warnings.join(), /Nothing ran in the database postgres for 1m 00s/)
    const doubtful = observedOf({ transactions: 99, hidden: 3, idleInTransaction: 1 })
    const text = sizeReportOf({ observed: doubtful }).warnings.join("\n")
    assert.match(text, /Only 99 transactions/)
    assert.match(text, /may not see the state of 3 sessions of other roles/)
    assert.match(text, /50 % of the sessions in use were idle in a transaction/)
  })
})
