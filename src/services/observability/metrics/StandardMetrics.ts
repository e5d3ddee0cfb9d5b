/**
 * The metrics that OpenTelemetry names, with its units, attributes and bounds (OpenTelemetry semantic conventions 1.44,
 * database client metrics and Node.js runtime metrics).
 */
import { SECONDS_BOUNDS } from "../../stats/Histogram.ts"
import type { OperationSeries } from "../../stats/OperationTimes.ts"
import { type Attributes, type MetricDefinition, each, single, type Reading } from "./Definition.ts"
import type { LoopDelays } from "./LoopDelay.ts"

const gaugeOfSessions = (
  name: string,
  description: string,
  source: string,
  read: (reading: Reading) => number
): MetricDefinition => ({
  name: `db.client.connection.${name}`,
  instrument: "UpDownCounter",
  unit: "{connection}",
  description,
  attributes: {},
  source,
  observe: (reading) => single(read(reading))
})

const duration = (
  name: string,
  description: string,
  source: string,
  read: (times: Reading["times"]) => Reading["times"]["waitTime"]
): MetricDefinition => ({
  name: `db.client.connection.${name}`,
  instrument: "Histogram",
  unit: "s",
  description,
  attributes: {},
  bounds: SECONDS_BOUNDS,
  source,
  observe: ({ times }) => single(read(times))
})

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
  description: "Duration of statements, from the writing of one to its whole answer",
  attributes: {
    "db.system.name": "`postgresql`",
    "db.namespace": "the database",
    "db.operation.name": "the statement's first word, `_OTHER` for one that SQL does not know",
    "server.address": "the host",
    "server.port": "the port",
    "error.type": "absent for success; the SQLSTATE, else the code of the `SessionError`, `interrupted` or `_OTHER`",
    "db.response.status_code": "the SQLSTATE of a failure that the server reported"
  },
  bounds: SECONDS_BOUNDS,
  source: "each statement of an application; streams are not timed, because their pace is their reader's",
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
  description: `${what} delay of the event loop, over ten seconds or since the last look if that is longer ago`,
  attributes: {},
  source: "Node's `monitorEventLoopDelay` with its resolution of 50 ms taken off; of the process, not of the pool",
  observe: ({ loop }) => single(loop[name])
})

export const standardMetrics: ReadonlyArray<MetricDefinition> = [
  {
    name: "db.client.connection.count",
    instrument: "UpDownCounter",
    unit: "{connection}",
    description: "Sessions that stand, by what they do",
    attributes: { "db.client.connection.state": "`idle`, `used`" },
    source: "the pool's counts; a session that is made ready for the next borrower is `used`",
    observe: ({ snapshot: { idle, used } }) => each("db.client.connection.state", { idle, used })
  },
  gaugeOfSessions("idle.max", "The most sessions that may be idle", "`DB_POOL_MAX`", ({ snapshot }) => snapshot.max),
  gaugeOfSessions("idle.min", "The fewest sessions that are kept", "`DB_POOL_MIN`", ({ snapshot }) => snapshot.min),
  gaugeOfSessions("max", "The most sessions that may stand", "`DB_POOL_MAX`", ({ snapshot }) => snapshot.max),
  {
    name: "db.client.connection.pending_requests",
    instrument: "UpDownCounter",
    unit: "{request}",
    description: "Callers that wait for a session",
    attributes: {},
    source: "the length of the pool's queue",
    observe: ({ snapshot }) => single(snapshot.waiting)
  },
  {
    name: "db.client.connection.timeouts",
    instrument: "Counter",
    unit: "{timeout}",
    description: "Callers that waited for a session until `DB_POOL_ACQUIRE_TIMEOUT` was over",
    attributes: {},
    source: "the pool's counters",
    observe: ({ snapshot }) => single(snapshot.counters.acquired.timeout)
  },
  duration("create_time", "Time to open a session", "the phases of each dial that succeeded", (t) => t.createTime),
  duration("wait_time", "Time callers waited for a session, 0 for one lent at once", "each lease", (t) => t.waitTime),
  duration("use_time", "Time between lending a session and getting it back", "each lease", (t) => t.useTime),
  operationDuration,
  loopDelay("mean", "Mean"),
  loopDelay("p50", "Median"),
  loopDelay("p90", "90th percentile of the"),
  loopDelay("p99", "99th percentile of the"),
  loopDelay("max", "Greatest")
]
