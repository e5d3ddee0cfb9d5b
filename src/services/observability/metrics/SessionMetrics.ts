/** The pool's own metrics, which OpenTelemetry does not define, all with one prefix. */
import { SECONDS_BOUNDS } from "../../stats/Histogram.ts"
import { OUTAGE_BOUNDS } from "../../stats/PoolTimes.ts"
import type { BreakerState } from "../../pool/core/Breaker.ts"
import type { SlotState } from "../../pool/core/Lease.ts"
import { type MetricDefinition, each, type Series, single, type Reading } from "./MetricDefinition.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

export const PREFIX = "db.client.connection.session"

const breakerNumbers: Readonly<Record<BreakerState, number>> = { closed: 0, "half-open": 1, open: 2 }

/** A metric in the list below; `observe` gives one number, or the series. */
type Own = Pick<MetricDefinition, "name" | "unit" | "description" | "source"> &
  Partial<Pick<MetricDefinition, "attributes" | "bounds">> & {
    readonly observe: (reading: Reading) => number | ReadonlyArray<Series>
  }

const metric =
  (instrument: MetricDefinition["instrument"]) =>
  (own: Own): MetricDefinition => ({
    attributes: {},
    ...own,
    name: `${PREFIX}.${own.name}`,
    instrument,
    observe: (reading) => {
      const seen = own.observe(reading)
      return typeof seen === "number" ? single(seen) : seen
    }
  })

const gauge = metric("Gauge")
const histogram = metric("Histogram")

/** A number that the pool counts, unless the source is given. */
const counter = (own: Omit<Own, "source"> & Partial<Own>): MetricDefinition =>
  metric("Counter")({ source: "the pool's counters", ...own })

/** Closing sessions are not counted. */
const leaving: ReadonlySet<SlotState> = new Set<SlotState>(["closing", "gone"])

const oldestMillis = ({ sessions }: Reading): number =>
  sessions.reduce((oldest, { ageMillis, state }) => (leaving.has(state) ? oldest : Math.max(oldest, ageMillis)), 0)

const drainMillis = ({ now, times: { drainBegan, drainEnded } }: Reading): number =>
  drainBegan === undefined ? 0 : (drainEnded ?? now) - drainBegan

const state: ReadonlyArray<MetricDefinition> = [
  gauge({
    name: "ready",
    unit: "{state}",
    description: "1 while the pool is open and has an open session, else 0",
    source: "the pool's phase and counts",
    observe: ({ snapshot }) => (snapshot.phase === "open" && snapshot.open > 0 ? 1 : 0)
  }),
  gauge({
    name: "breaker.state",
    unit: "{state}",
    description:
      "State of the breaker: 0 closed (dials are allowed), 1 half open (the next dial decides), 2 open (no dials)",
    attributes: { breaker: "`network`, `capacity`, `auth`" },
    source: "the backoff of the pool's dials",
    observe: ({ snapshot: { breakers } }) =>
      each("breaker", {
        network: breakerNumbers[breakers.network.state],
        capacity: breakerNumbers[breakers.capacity.state],
        auth: breakerNumbers[breakers.auth.state]
      })
  }),
  gauge({
    name: "connecting",
    unit: "{connection}",
    description: "Sessions being opened",
    source: "the pool's dials in progress",
    observe: ({ snapshot }) => snapshot.connecting
  }),
  gauge({
    name: "closing",
    unit: "{connection}",
    description: "Sessions being closed, whose slots are not free yet",
    source: "the pool's counts",
    observe: ({ snapshot }) => snapshot.closing
  }),
  gauge({
    name: "ceiling",
    unit: "{connection}",
    description: "Sessions that the pooler grants; the pool's maximum unless the pooler refused one",
    source: "learned when a session is refused",
    observe: ({ snapshot }) => snapshot.ceiling
  }),
  gauge({
    name: "server.max",
    unit: "{connection}",
    description: "The server's max_connections, 0 before the first session",
    source: "the check of each new session",
    observe: ({ times }) => times.serverMaxConnections ?? 0
  }),
  gauge({
    name: "oldest_wait",
    unit: "s",
    description: "Wait of the first caller in the queue, 0 while it is empty",
    source: "the pool's queue",
    observe: ({ snapshot }) => snapshot.oldestWaitMillis / MILLIS_PER_SECOND
  }),
  gauge({
    name: "oldest_lease",
    unit: "s",
    description: "Duration of the longest current lease, 0 without leases",
    source: "the pool's leases",
    observe: ({ snapshot }) => snapshot.oldestLeaseMillis / MILLIS_PER_SECOND
  }),
  gauge({
    name: "oldest",
    unit: "s",
    description: "Age of the oldest session, 0 without sessions",
    source: "the list of sessions",
    observe: (reading) => oldestMillis(reading) / MILLIS_PER_SECOND
  }),
  gauge({
    name: "drain.duration",
    unit: "s",
    description: "Duration of the drain so far or in total, 0 before it",
    source: "the drain",
    observe: (reading) => drainMillis(reading) / MILLIS_PER_SECOND
  })
]

const counts: ReadonlyArray<MetricDefinition> = [
  counter({
    name: "acquires",
    unit: "{request}",
    description: "Acquires by outcome",
    attributes: {
      outcome: "`immediate`, `waited`, `timeout`, `queue-full`, `abandoned` (interrupted), `failed`, `closed`"
    },
    observe: ({ snapshot: { counters } }) => each("outcome", counters.acquired)
  }),
  counter({
    name: "closes",
    unit: "{connection}",
    description: "Closed sessions by reason",
    attributes: { reason: "`lost`, `idle`, `lifetime`, `probe-failed`, `not-recovered`, `evicted`, `drain`" },
    observe: ({ snapshot: { counters } }) => each("reason", counters.closed)
  }),
  counter({
    name: "dials",
    unit: "{dial}",
    description: "Started dials",
    observe: ({ snapshot: { counters } }) => counters.dialsStarted
  }),
  counter({
    name: "dial.failures",
    unit: "{dial}",
    description: "Failed dials by class of the error",
    attributes: { class: "`capacity`, `network`, `pooler`, `auth`, `configuration`, `statement`, `closed`" },
    observe: ({ snapshot: { counters } }) => each("class", counters.dialsFailed)
  }),
  counter({
    name: "incidents",
    unit: "{incident}",
    description: "Losses of sessions; sessions lost together count as one",
    observe: ({ snapshot: { counters } }) => counters.incidents
  }),
  counter({
    name: "cleanups",
    unit: "{connection}",
    description: "Released sessions that needed a reset: an open transaction, a changed setting, a lock",
    observe: ({ snapshot: { counters } }) => counters.recoveries
  }),
  counter({
    name: "leaks",
    unit: "{connection}",
    description: "Leases longer than `DB_LEAK_THRESHOLD`",
    observe: ({ snapshot: { counters } }) => counters.leaksSuspected
  }),
  counter({
    name: "drain.cancelled",
    unit: "{connection}",
    description: "Sessions whose statement was cancelled by the drain",
    source: "the drain",
    observe: ({ times }) => times.drainCancelled
  })
]

const durations: ReadonlyArray<MetricDefinition> = [
  histogram({
    name: "dial.phase.duration",
    unit: "s",
    description: "Duration of each phase of a dial",
    attributes: { phase: "`dns`, `tcp`, `tls`, `authentication`, `session`" },
    bounds: SECONDS_BOUNDS,
    source: "each successful dial",
    observe: ({ times }) => each("phase", { ...times.phases })
  }),
  histogram({
    name: "probe.duration",
    unit: "s",
    description: "Duration of the probe of an idle session before its lease",
    attributes: { outcome: "`answered`, `unanswered`" },
    bounds: SECONDS_BOUNDS,
    source: "each probe of the pool",
    observe: ({ times }) => each("outcome", { answered: times.probeAnswered, unanswered: times.probeUnanswered })
  }),
  histogram({
    name: "detection.duration",
    unit: "s",
    description: "Time to detect a lost session, from the last moment at which the server could have answered",
    bounds: OUTAGE_BOUNDS,
    source: "each loss and each unanswered probe; 0 for an idle session that the server closed",
    observe: ({ times }) => single(times.detection)
  }),
  histogram({
    name: "recovery.duration",
    unit: "s",
    description: "Time to recover, from the loss below the minimum until the minimum is open again",
    bounds: OUTAGE_BOUNDS,
    source: "losses and dials; with a minimum of 0, from a loss while a caller waits",
    observe: ({ times }) => single(times.recovery)
  })
]

export const sessionMetrics: ReadonlyArray<MetricDefinition> = [...state, ...counts, ...durations]
