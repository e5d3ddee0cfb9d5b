/** The metrics of OpenTelemetry (semantic conventions 1.44: database client and Node.js runtime metrics). */
import { type Histogram, SECONDS_BOUNDS } from "../../stats/Histogram.ts"
import type { OperationSeries } from "../../stats/OperationTimes.ts"
import { type Attributes, type MetricDefinition, each, single, type Reading } from "./MetricDefinition.ts"
import type { LoopDelays } from "./LoopDelay.ts"

/** A metric of connections with one series and no attributes. */
const connection =
  (kind: Pick<MetricDefinition, "instrument" | "unit" | "bounds">) =>
  (name: string, description: string, source: string, read: (reading: Reading) => number | Histogram) => ({
    name: `db.client.connection.${name}`,
    ...kind,
    description,
    attributes: {},
    source,
    observe: (reading: Reading) => single(read(reading))
  })

const sessions = connection({ instrument: "UpDownCounter", unit: "{connection}" })
const requests = connection({ instrument: "UpDownCounter", unit: "{request}" })
const timeouts = connection({ instrument: "Counter", unit: "{timeout}" })
const duration = connection({ instrument: "Histogram", unit: "s", bounds: SECONDS_BOUNDS })

const operationAttributes = (series: OperationSeries, { endpoint }: Reading): Attributes => ({
  "db.system.name": "postgresql",
  "db.namespace": endpoint.database,
  "db.operation.name": series.operation,
  "server.address": endpoint.host,
  "server.port": String(endpoint.port),
  ...(series.errorType === undefined ? {} : { "error.type": series.errorType }),
  ...(series.sqlState === undefined ? {} : { "db.response.status_code": series.sqlState })
})

const operationDuration: MetricDefinition = {
  name: "db.client.operation.duration",
  instrument: "Histogram",
  unit: "s",
  description: "Duration of statements, from sending one to the end of its result",
  attributes: {
    "db.system.name": "`postgresql`",
    "db.namespace": "the database",
    "db.operation.name": "the statement's first word, `_OTHER` if it is not a word of SQL",
    "server.address": "the host",
    "server.port": "the port",
    "error.type": "absent for success; the SQLSTATE, else the code of the `SessionError`, `interrupted` or `_OTHER`",
    "db.response.status_code": "the SQLSTATE of a failure that the server reported"
  },
  bounds: SECONDS_BOUNDS,
  source: "each statement of an application; streams are not timed, because their reader sets the pace",
  observe: (reading) =>
    Array.from(reading.times.operations?.series ?? [], (series) => ({
      attributes: operationAttributes(series, reading),
      value: series.duration
    }))
}

const loopDelay = (name: keyof LoopDelays, what: string): MetricDefinition => ({
  name: `nodejs.eventloop.delay.${name}`,
  instrument: "Gauge",
  unit: "s",
  description: `${what} delay of the event loop, over ten seconds, or since the last read if that is longer ago`,
  attributes: {},
  source: "Node's `monitorEventLoopDelay` minus its resolution of 50 ms; of the process, not of the pool",
  observe: ({ loop }) => single(loop[name])
})

export const standardMetrics: ReadonlyArray<MetricDefinition> = [
  {
    name: "db.client.connection.count",
    instrument: "UpDownCounter",
    unit: "{connection}",
    description: "Open sessions by state",
    attributes: { "db.client.connection.state": "`idle`, `used`" },
    source: "the pool's counts; a session that is being reset is `used`",
    observe: ({ snapshot: { idle, used } }) => each("db.client.connection.state", { idle, used })
  },
  sessions("idle.max", "Greatest number of idle sessions", "`DB_POOL_MAX`", ({ snapshot }) => snapshot.max),
  sessions("idle.min", "Least number of sessions", "`DB_POOL_MIN`", ({ snapshot }) => snapshot.min),
  sessions("max", "Greatest number of sessions", "`DB_POOL_MAX`", ({ snapshot }) => snapshot.max),
  requests(
    "pending_requests",
    "Callers that wait for a session",
    "the length of the pool's queue",
    ({ snapshot }) => snapshot.waiting
  ),
  timeouts(
    "timeouts",
    "Callers whose wait for a session reached `DB_POOL_ACQUIRE_TIMEOUT`",
    "the pool's counters",
    ({ snapshot }) => snapshot.counters.acquired.timeout
  ),
  duration(
    "create_time",
    "Time to open a session",
    "the phases of each successful dial",
    ({ times }) => times.createTime
  ),
  duration(
    "wait_time",
    "Time callers waited for a session, 0 without a wait",
    "each lease",
    ({ times }) => times.waitTime
  ),
  duration("use_time", "Duration of leases", "each lease", ({ times }) => times.useTime),
  operationDuration,
  loopDelay("mean", "Mean"),
  loopDelay("p50", "Median"),
  loopDelay("p90", "90th percentile of the"),
  loopDelay("p99", "99th percentile of the"),
  loopDelay("max", "Greatest")
]
