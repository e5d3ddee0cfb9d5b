/**
 * Effect's registry in Prometheus' text format, with the names that OpenTelemetry's translation gives: dots become
 * underscores, seconds end in `_seconds` and counters in `_total` (OpenTelemetry specification, Prometheus and
 * OpenMetrics compatibility). Effect's own writer leaves names and units as they are.
 */
import type * as Metric from "effect/Metric"

type Snapshot = Metric.Metric.Snapshot

/** The suffixes of units; units in braces have none. */
const unitWords: Readonly<Record<string, string>> = {
  s: "seconds",
  seconds: "seconds",
  ms: "milliseconds",
  milliseconds: "milliseconds",
  By: "bytes",
  bytes: "bytes"
}

/** The attributes in which Effect's metrics have their unit. */
const UNIT_ATTRIBUTES: ReadonlySet<string> = new Set(["unit", "time_unit"])

const plain = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]+/g, "_").replace(/^(?=\d)/, "_")

const suffixed = (name: string, suffix: string | undefined): string =>
  suffix === undefined || name.endsWith(`_${suffix}`) ? name : `${name}_${suffix}`

/** What a metric's name and type in the text depend on. */
export interface Naming {
  readonly id: string
  readonly unit: string | undefined
  readonly isMonotonic: boolean
}

/** The name of a metric, as in `db_client_connection_wait_time_seconds`. */
export const prometheusName = ({ id, isMonotonic, unit }: Naming): string => {
  const withUnit = suffixed(plain(id), unit === undefined ? undefined : unitWords[unit])
  return isMonotonic ? suffixed(withUnit, "total") : withUnit
}

const namingOf = (snapshot: Snapshot): Naming => ({
  id: snapshot.id,
  unit: snapshot.attributes?.["unit"] ?? snapshot.attributes?.["time_unit"],
  isMonotonic: snapshot.type === "Frequency" || (snapshot.type === "Counter" && snapshot.state.incremental)
})

/** Prometheus reserves these suffixes for histograms; a gauge with such a name is written without a type. */
const RESERVED = /_(?:count|sum|bucket)$/

const typeOf = (name: string, snapshot: Snapshot): string => {
  if (snapshot.type === "Histogram" || snapshot.type === "Summary") return snapshot.type.toLowerCase()
  if (namingOf(snapshot).isMonotonic) return "counter"
  return RESERVED.test(name) ? "untyped" : "gauge"
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const labelled = (attributes: Snapshot["attributes"], more: ReadonlyArray<readonly [string, string]> = []): string => {
  const own = Object.entries(attributes ?? {}).filter(([name]) => !UNIT_ATTRIBUTES.has(name))
  const pairs = [...own, ...more].map(([name, value]) => `${plain(name)}="${escaped(value).replaceAll('"', '\\"')}"`)
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`
}

const numeral = (value: number | bigint): string => {
  if (value === Number.POSITIVE_INFINITY) return "+Inf"
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value)
}

const samples = (name: string, snapshot: Snapshot): ReadonlyArray<string> => {
  const { attributes } = snapshot
  const labels = labelled(attributes)
  const totals = (state: { readonly sum: number; readonly count: number }) => [
    `${name}_sum${labels} ${numeral(state.sum)}`,
    `${name}_count${labels} ${state.count}`
  ]
  switch (snapshot.type) {
    case "Counter":
      return [`${name}${labels} ${numeral(snapshot.state.count)}`]
    case "Gauge":
      return [`${name}${labels} ${numeral(snapshot.state.value)}`]
    case "Frequency":
      return Array.from(
        snapshot.state.occurrences,
        ([key, count]) => `${name}${labelled(attributes, [["key", key]])} ${count}`
      )
    case "Histogram": {
      const buckets = snapshot.state.buckets.filter(([bound]) => bound !== Number.POSITIVE_INFINITY)
      const lines = buckets.map(
        ([bound, count]) => `${name}_bucket${labelled(attributes, [["le", String(bound)]])} ${count}`
      )
      const all = `${name}_bucket${labelled(attributes, [["le", "+Inf"]])} ${snapshot.state.count}`
      return [...lines, all, ...totals(snapshot.state)]
    }
    case "Summary": {
      const lines = snapshot.state.quantiles.flatMap(([quantile, value]) =>
        value === undefined
          ? []
          : [`${name}${labelled(attributes, [["quantile", String(quantile)]])} ${numeral(value)}`]
      )
      return [...lines, ...totals(snapshot.state)]
    }
  }
}

/** Writes every metric with its series. Of two metrics with the same name the first is written. */
export const prometheusText = (snapshots: ReadonlyArray<Snapshot>): string => {
  const families = new Map<string, { readonly id: string; readonly lines: Array<string> }>()
  for (const snapshot of snapshots) {
    const name = prometheusName(namingOf(snapshot))
    const family = families.get(name) ?? { id: `${snapshot.type} ${snapshot.id}`, lines: [] }
    if (family.id !== `${snapshot.type} ${snapshot.id}`) continue
    if (family.lines.length === 0) {
      families.set(name, family)
      if (snapshot.description !== undefined) family.lines.push(`# HELP ${name} ${escaped(snapshot.description)}`)
      family.lines.push(`# TYPE ${name} ${typeOf(name, snapshot)}`)
    }
    family.lines.push(...samples(name, snapshot))
  }
  return Array.from(families.values(), ({ lines }) => `${lines.join("\n")}\n`).join("")
}
