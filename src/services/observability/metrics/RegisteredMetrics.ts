/** Registers metrics in Effect's registry. Values are read from the pool when an exporter reads them. */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { Histogram } from "../../stats/Histogram.ts"
import type { Attributes, MetricDefinition, Series, Reading } from "./MetricDefinition.ts"

const keyOf = (attributes: Attributes): string => JSON.stringify(Object.entries(attributes))

const ignore = (): void => {}

const stateOf = ({ bounds, count, counts, max, min, sum }: Histogram): Metric.HistogramState => {
  let below = 0
  const buckets = bounds.map((bound, index): [number, number] => [bound, (below += counts[index]!)])
  return { buckets, count, sum, max, min: count === 0 ? 0 : min }
}

const empty: Metric.HistogramState = { buckets: [], count: 0, sum: 0, max: 0, min: 0 }

/** Effect's exporters read the unit from an attribute; an inherited one is not exported with the series. */
const withUnit = (unit: string, attributes: Attributes): Attributes =>
  Object.assign(Object.create({ unit }), attributes)

export class RegisteredMetrics {
  private readonly definitions: ReadonlyArray<MetricDefinition>
  private readonly common: Attributes
  private readonly context: Context.Context<never>
  private readonly take: () => Reading
  private readonly registrations = new Map<string, Metric.Registration>()
  private seen: Map<MetricDefinition, ReadonlyMap<string, Series>> | undefined = undefined
  private reading: Reading | undefined = undefined

  /** `common` are attributes of every series. */
  constructor(
    definitions: ReadonlyArray<MetricDefinition>,
    common: Attributes,
    context: Context.Context<never>,
    take: () => Reading
  ) {
    this.definitions = definitions
    this.take = take
    this.common = { ...Context.get(context, Metric.CurrentMetricAttributes), ...common }
    this.context = Context.add(context, Metric.CurrentMetricAttributes, {})
    this.update()
  }

  update(): void {
    this.reading = undefined
    for (const definition of this.definitions) {
      for (const [key, { attributes }] of this.points(definition)) {
        const name = `${definition.name} ${key}`
        if (!this.registrations.has(name)) this.registrations.set(name, this.register(definition, key, attributes))
      }
    }
    this.reading = undefined
  }

  remove(): void {
    for (const registration of this.registrations.values()) registration.remove()
    this.registrations.clear()
  }

  /** An exporter reads all series synchronously; they all get values of the same instant. */
  private points(definition: MetricDefinition): ReadonlyMap<string, Series> {
    if (this.reading === undefined || this.seen === undefined) {
      this.reading = this.take()
      this.seen = new Map()
      queueMicrotask(() => {
        this.reading = undefined
      })
    }
    let points = this.seen.get(definition)
    if (points === undefined) {
      points = new Map(definition.observe(this.reading).map((point) => [keyOf(point.attributes), point]))
      this.seen.set(definition, points)
    }
    return points
  }

  private register(definition: MetricDefinition, key: string, own: Attributes): Metric.Registration {
    const { bounds = [], description, instrument, name, unit } = definition
    const options = { description, attributes: withUnit(unit, { ...this.common, ...own }) }
    const value = () => this.points(definition).get(key)?.value
    const number = (): number => {
      const found = value()
      return typeof found === "number" ? found : 0
    }
    const observed = <State>(get: () => State) => ({ get, update: ignore, modify: ignore })
    switch (instrument) {
      case "Counter":
      case "UpDownCounter": {
        const incremental = instrument === "Counter"
        return Metric.registerUnsafe(
          Metric.counter(name, { ...options, incremental }),
          this.context,
          observed(() => ({ count: number(), incremental }))
        )
      }
      case "Gauge":
        return Metric.registerUnsafe(
          Metric.gauge(name, options),
          this.context,
          observed(() => ({ value: number() }))
        )
      case "Histogram":
        return Metric.registerUnsafe(
          Metric.histogram(name, { ...options, boundaries: bounds }),
          this.context,
          observed(() => {
            const found = value()
            return typeof found === "object" ? stateOf(found) : empty
          })
        )
    }
  }
}
