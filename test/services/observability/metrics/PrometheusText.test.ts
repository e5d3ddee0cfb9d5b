import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import fc from "fast-check"
import { prometheusName, prometheusText } from "../../../../src/services/observability/metrics/PrometheusText.ts"
import { samplesOf } from "./Exposition.ts"

/** Runs with a registry of its own and writes what is in it. */
const written = (measure: Effect.Effect<unknown>): Promise<string> =>
  Effect.runPromise(
    measure.pipe(
      Effect.andThen(Effect.map(Metric.snapshot, prometheusText)),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

const name = (id: string, unit?: string, isMonotonic = false): string => prometheusName({ id, unit, isMonotonic })

describe("PrometheusText", () => {
  it("gives names as OpenTelemetry's translation does", () => {
    assert.strictEqual(name("db.client.connection.wait_time", "s"), "db_client_connection_wait_time_seconds")
    assert.strictEqual(name("db.client.connection.timeouts", "{timeout}", true), "db_client_connection_timeouts_total")
    assert.strictEqual(name("http.body.size", "By", true), "http_body_size_bytes_total")
    assert.strictEqual(name("jobs_total", undefined, true), "jobs_total")
    assert.strictEqual(name("2nd.try"), "_2nd_try")
  })

  it("writes every kind of metric of Effect", async () => {
    const text = await written(
      Effect.gen(function* () {
        yield* Metric.update(Metric.counter("done", { incremental: true, description: "Jobs done" }), 3)
        yield* Metric.update(Metric.counter("balance"), -2)
        yield* Metric.update(Metric.gauge("level.count", { attributes: { unit: "s" } }), 1.5)
        yield* Metric.update(Metric.frequency("kinds"), "a")
        const took = Metric.histogram("took", { boundaries: [1, 2], attributes: { unit: "s", who: "me" } })
        yield* Metric.update(took, 1)
        yield* Metric.update(took, 5)
        yield* Metric.update(Metric.summary("ages", { maxAge: "1 minute", maxSize: 5, quantiles: [0.5] }), 4)
      })
    )
    assert.strictEqual(
      text,
      [
        "# HELP done_total Jobs done",
        "# TYPE done_total counter",
        "done_total 3",
        "# TYPE balance gauge",
        "balance -2",
        "# TYPE level_count_seconds gauge",
        "level_count_seconds 1.5",
        "# TYPE kinds_total counter",
        'kinds_total{key="a"} 1',
        "# TYPE took_seconds histogram",
        'took_seconds_bucket{who="me",le="1"} 1',
        'took_seconds_bucket{who="me",le="2"} 1',
        'took_seconds_bucket{who="me",le="+Inf"} 2',
        'took_seconds_sum{who="me"} 6',
        'took_seconds_count{who="me"} 2',
        "# TYPE ages summary",
        'ages{quantile="0.5"} 4',
        "ages_sum 4",
        "ages_count 1",
        ""
      ].join("\n")
    )
  })

  it("gives no type to a gauge with a name that ends like a part of a histogram", async () => {
    assert.include(await written(Metric.update(Metric.gauge("sessions.count"), 1)), "# TYPE sessions_count untyped")
  })

  it("writes the first of two metrics with the same translated name", async () => {
    const both = Effect.andThen(Metric.update(Metric.gauge("a.b"), 1), Metric.update(Metric.gauge("a_b"), 2))
    assert.strictEqual(await written(both), "# TYPE a_b gauge\na_b 1\n")
  })

  it("can be read back whatever the attributes hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.double({ noNaN: true }), async (value, number) => {
        const text = await written(Metric.update(Metric.gauge("g", { attributes: { a: value } }), number))
        const [sample] = samplesOf(text.replace("+Inf", "Infinity").replace("-Inf", "-Infinity"))
        assert.strictEqual(sample?.value, number === 0 ? 0 : number)
        const back = sample?.labels["a"]?.replaceAll(/\\(.)/gs, (_, sign: string) => (sign === "n" ? "\n" : sign))
        assert.strictEqual(back, value)
      })
    )
  })
})
