import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { writeFileSync } from "node:fs"
import type { MetricDefinition } from "../src/services/observability/metrics/MetricDefinition.ts"
import { prometheusName } from "../src/services/observability/metrics/PrometheusText.ts"
import { PREFIX } from "../src/services/observability/metrics/SessionMetrics.ts"
import type { DatabaseView } from "../src/services/observability/monitor/DatabaseView.ts"
import { MonitorMetrics } from "../src/services/observability/PostgresMonitor.ts"
import { definitions } from "../src/services/observability/PoolMetrics.ts"

/** A metric as the documentation describes it. */
export interface Documented extends Pick<
  MetricDefinition,
  "name" | "instrument" | "unit" | "description" | "attributes"
> {
  readonly source: string
  readonly bounds: ReadonlyArray<number> | undefined
  readonly prometheus: string
}

const POOL_NAME = "db.client.connection.pool.name"

const documented = (definition: MetricDefinition): Documented => ({
  ...definition,
  bounds: definition.bounds,
  prometheus: prometheusName({
    id: definition.name,
    unit: definition.unit,
    isMonotonic: definition.instrument === "Counter"
  })
})

/** The gauges of the database, as the monitor registers them with its first result. */
const ofDatabase = (): ReadonlyArray<Documented> => {
  const registry: Context.Service.Shape<typeof Metric.MetricRegistry> = new Map()
  const monitor = new MonitorMetrics("pool", Context.make(Metric.MetricRegistry, registry))
  // The values of the gauges are not read here.
  monitor.show({} as DatabaseView)
  const byName = new Map<string, Documented>()
  for (const { attributes = {}, description = "", id } of registry.values()) {
    const values = new Map(Object.entries(byName.get(id)?.attributes ?? {}))
    for (const [name, value] of Object.entries(attributes)) {
      const known = values.get(name)?.split(", ") ?? []
      if (name !== POOL_NAME && name !== "unit") values.set(name, [...new Set([...known, `\`${value}\``])].join(", "))
    }
    const unit = attributes["unit"] ?? ""
    byName.set(id, {
      name: id,
      instrument: "Gauge",
      unit,
      description,
      attributes: Object.fromEntries(values),
      source: "the last result of the database monitor; absent without one (`DB_MONITOR_INTERVAL`)",
      bounds: undefined,
      prometheus: prometheusName({ id, unit, isMonotonic: false })
    })
  }
  return Array.from(byName.values())
}

/** Every metric. */
export const allMetrics: ReadonlyArray<Documented> = [...definitions.map(documented), ...ofDatabase()]

const code = (text: string): string => `\`${text}\``

const attributesOf = ({ attributes }: Documented): string =>
  Object.entries(attributes)
    .map(([name, values]) => `${code(name)}: ${values}`)
    .join("<br>") || "-"

const row = (metric: Documented): string =>
  `| ${code(metric.name)}<br>${code(metric.prometheus)} | ${metric.instrument} | ${code(metric.unit)} ` +
  `| ${metric.description} | ${attributesOf(metric)} | ${metric.source} |`

const table = (metrics: ReadonlyArray<Documented>): string =>
  [
    "| OpenTelemetry name, name in `/metrics` | instrument | unit | description | attributes | source |",
    "| --- | --- | --- | --- | --- | --- |",
    ...metrics.map(row)
  ].join("\n")

const isOwn = ({ name }: Documented): boolean => name.startsWith(PREFIX)

const boundsOf = (metrics: ReadonlyArray<Documented>): string => {
  const names = new Map<string, Array<string>>()
  for (const { bounds, name } of metrics) {
    if (bounds === undefined) continue
    const key = bounds.join(", ")
    names.set(key, [...(names.get(key) ?? []), code(name)])
  }
  return Array.from(names, ([bounds, users]) => `- ${bounds}: ${users.join(", ")}`).join("\n")
}

/** The page `docs/metrics.md`. */
export const renderMetrics = (): string =>
  [
    "# Metrics",
    "",
    "Generated from the definitions by `node docs/generate-metrics.ts`; change the definitions, not this page.",
    "",
    "The metrics are in Effect's metric registry, so every exporter of Effect sees them. `GET /metrics` returns the whole " +
      "registry, the application's own metrics included, in Prometheus' text format; with `OTEL_EXPORTER_OTLP_ENDPOINT` set, " +
      "traces, metrics and logs are sent to that collector (`http/protobuf`, or `OTEL_EXPORTER_OTLP_PROTOCOL=http/json`).",
    "",
    `Every series has the attribute \`${POOL_NAME}\`: the pool's name, by default \`host:port/database\`. ` +
      "In `/metrics` names and attributes have underscores for dots, durations end in `_seconds` and counters in `_total`, " +
      "as in OpenTelemetry's own translation, so one dashboard fits both. An UpDownCounter is a gauge there; " +
      "`db_client_connection_count` has no type, because Prometheus reserves that suffix for histograms.",
    "",
    "A dashboard and alerts for these metrics are in `docs/grafana/`.",
    "",
    "## Defined by OpenTelemetry",
    "",
    "Semantic conventions 1.44. Of these `db.client.operation.duration` is stable, the others are in development there.",
    "",
    table(allMetrics.filter((metric) => !isOwn(metric))),
    "",
    "## Own metrics",
    "",
    `Metrics that OpenTelemetry does not define. Their names begin with \`${PREFIX}\`.`,
    "",
    table(allMetrics.filter(isOwn)),
    "",
    "## Buckets",
    "",
    "Upper bounds in seconds.",
    "",
    boundsOf(allMetrics),
    ""
  ].join("\n")

if (import.meta.main) writeFileSync(new URL("metrics.md", import.meta.url), renderMetrics())
