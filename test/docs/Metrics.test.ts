import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Instrument } from "../../src/services/observability/metrics/MetricDefinition.ts"
import { allMetrics, renderMetrics } from "../../docs/generate-metrics.ts"
import { promtool, withPromtool } from "../services/observability/metrics/Promtool.ts"

const pathOf = (name: string): string => new URL(`../../docs/${name}`, import.meta.url).pathname
const read = (name: string): string => readFileSync(pathOf(name), "utf8")

interface Panel {
  readonly id: number
  readonly title: string
  readonly targets: ReadonlyArray<{ readonly expr: string }>
}

interface Dashboard {
  readonly schemaVersion: number
  readonly uid: string
  readonly panels: ReadonlyArray<Panel>
  readonly templating: { readonly list: ReadonlyArray<{ readonly definition: string }> }
}

const dashboard: Dashboard = JSON.parse(read("grafana/effect-supavisor.json"))

/** The expressions of the rules; folded lines are joined. */
const alertExpressions: ReadonlyArray<string> = Array.from(
  read("grafana/alerts.yaml").matchAll(/^ +expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)/gm),
  ([, folded, plain]) => (folded ?? plain ?? "").replaceAll(/\s+/g, " ").trim()
)

const panelExpressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

/** The names of all series in PromQL; a histogram has three. */
const seriesNames = new Set(
  allMetrics.flatMap(({ instrument, prometheus }) =>
    instrument === "Histogram" ? ["bucket", "sum", "count"].map((part) => `${prometheus}_${part}`) : [prometheus]
  )
)

const labelNames = new Set([
  "job",
  "instance",
  "le",
  "db_client_connection_pool_name",
  ...allMetrics.flatMap(({ attributes }) => Object.keys(attributes).map((name) => name.replaceAll(".", "_")))
])

const KEYWORDS = new Set(["by", "without", "and", "or", "unless", "on", "ignoring"])

/** The metrics and labels in an expression. A name before a bracket is a function, every other name is a metric. */
const namesIn = (expression: string) => {
  const labels: Array<string> = []
  const rest = expression
    .replaceAll(/\{([^}]*)\}/g, (_, inner: string) => {
      labels.push(...Array.from(inner.matchAll(/(\w+)\s*(?:=|!)/g), ([, label]) => label!))
      return ""
    })
    .replaceAll(/\b(?:by|without)\s*\(([^)]*)\)/g, (_, inner: string) => {
      labels.push(...inner.split(",").map((label) => label.trim()))
      return ""
    })
    .replaceAll(/\[[^\]]*\]/g, "")
  const metrics = Array.from(rest.matchAll(/\b([a-z_]\w*)\b(?!\s*\()/gi), ([, name]) => name!)
  return { labels, metrics: metrics.filter((name) => !KEYWORDS.has(name)) }
}

const unknownIn = (expression: string): ReadonlyArray<string> => {
  const { labels, metrics } = namesIn(expression)
  return [...metrics.filter((name) => !seriesNames.has(name)), ...labels.filter((name) => !labelNames.has(name))]
}

describe("docs/metrics.md", () => {
  it("agrees with the definitions", () => {
    assert.strictEqual(read("metrics.md"), renderMetrics(), "run: node docs/generate-metrics.ts")
  })

  it("gives every metric unique names, for OpenTelemetry and Prometheus", () => {
    assert.strictEqual(new Set(allMetrics.map(({ name }) => name)).size, allMetrics.length)
    assert.strictEqual(new Set(allMetrics.map(({ prometheus }) => prometheus)).size, allMetrics.length)
  })
})

describe("OpenTelemetry's names", () => {
  const standard: ReadonlyArray<readonly [name: string, instrument: Instrument, unit: string]> = [
    ["db.client.connection.count", "UpDownCounter", "{connection}"],
    ["db.client.connection.idle.max", "UpDownCounter", "{connection}"],
    ["db.client.connection.idle.min", "UpDownCounter", "{connection}"],
    ["db.client.connection.max", "UpDownCounter", "{connection}"],
    ["db.client.connection.pending_requests", "UpDownCounter", "{request}"],
    ["db.client.connection.timeouts", "Counter", "{timeout}"],
    ["db.client.connection.create_time", "Histogram", "s"],
    ["db.client.connection.wait_time", "Histogram", "s"],
    ["db.client.connection.use_time", "Histogram", "s"],
    ["db.client.operation.duration", "Histogram", "s"]
  ]

  it.each(standard)("%s is a %s in %s", (name, instrument, unit) => {
    const metric = allMetrics.find((metric) => metric.name === name)
    assert.deepInclude(metric, { instrument, unit })
    if (name === "db.client.operation.duration") {
      assert.deepStrictEqual(metric?.bounds, [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])
    }
  })
})

describe("docs/grafana", () => {
  it("has a dashboard of twelve panels that Grafana can import", () => {
    assert.strictEqual(dashboard.panels.length, 12)
    assert.strictEqual(new Set(dashboard.panels.map(({ id }) => id)).size, 12)
    assert.deepInclude(dashboard, { schemaVersion: 41, uid: "effect-supavisor" })
    for (const { targets, title } of dashboard.panels) assert.isNotEmpty(targets, title)
  })

  it.each(panelExpressions)("names only existing metrics and labels in the panel's %s", (expression) => {
    assert.isNotEmpty(namesIn(expression).metrics)
    assert.deepStrictEqual(unknownIn(expression), [])
  })

  it("names only existing metrics and labels in the variables", () => {
    for (const { definition } of dashboard.templating.list) {
      const [, metric = "", label = ""] = /^label_values\((\w+).*, (\w+)\)$/.exec(definition) ?? []
      assert.isTrue(seriesNames.has(metric) && labelNames.has(label), definition)
    }
  })

  it("has alerts with a severity and a remedy", () => {
    const text = read("grafana/alerts.yaml")
    const count = (pattern: RegExp): number => Array.from(text.matchAll(pattern)).length
    assert.isAtLeast(alertExpressions.length, 7)
    for (const pattern of [/^ +- alert: \w+$/gm, /^ +severity: (?:warning|critical)$/gm, /^ +remedy: "/gm]) {
      assert.strictEqual(count(pattern), alertExpressions.length)
    }
  })

  it.each(alertExpressions)("names only existing metrics and labels in the alert's %s", (expression) => {
    assert.isNotEmpty(namesIn(expression).metrics)
    assert.deepStrictEqual(unknownIn(expression), [])
  })

  it("detects unknown metrics and labels", () => {
    assert.deepStrictEqual(unknownIn('sum by (le, colour) (rate(nothing_total{stat="x"}[5m]))'), [
      "nothing_total",
      "stat",
      "colour"
    ])
  })
})

withPromtool("docs/grafana as promtool sees it", () => {
  it("has rules that Prometheus loads", () => {
    promtool(["check", "rules", pathOf("grafana/alerts.yaml")])
  })

  it("has panels whose every query parses", () => {
    const rules = panelExpressions.map((expression, index) => {
      const query = expression.replaceAll("$__rate_interval", "5m").replaceAll(/\$(?:job|pool)/g, ".*")
      return `  - record: panel:${index}\n    expr: ${JSON.stringify(query)}\n`
    })
    const directory = mkdtempSync(join(tmpdir(), "effect-supavisor-rules-"))
    const file = join(directory, "panels.yaml")
    writeFileSync(file, `groups:\n- name: panels\n  rules:\n${rules.join("")}`)
    promtool(["check", "rules", file])
    rmSync(directory, { recursive: true })
  })
})
