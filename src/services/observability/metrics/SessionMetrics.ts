/** What OpenTelemetry has no name for: the pool's own metrics, all below one prefix. */
import { SECONDS_BOUNDS } from "../../stats/Histogram.ts"
import { OUTAGE_BOUNDS } from "../../stats/PoolTimes.ts"
import type { BreakerState } from "../../pool/core/Breaker.ts"
import type { SlotState } from "../../pool/core/Lease.ts"
import { type MetricDefinition, each, type Series, single, type Reading } from "./Definition.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Where OpenTelemetry ends and we begin. */
export const PREFIX = "db.client.connection.session"

/** As a number that grows with the trouble. */
const breakerNumbers: Readonly<Record<BreakerState, number>> = { closed: 0, "half-open": 1, open: 2 }

type Own = Pick<MetricDefinition, "name" | "unit" | "description" | "source"> &
  Partial<Pick<MetricDefinition, "attributes">>

const gauge = (own: Own, observe: (reading: Reading) => number | ReadonlyArray<Series>): MetricDefinition => ({
  attributes: {},
  ...own,
  name: `${PREFIX}.${own.name}`,
  instrument: "Gauge",
  observe: (reading) => {
    const seen = observe(reading)
    return typeof seen === "number" ? single(seen) : seen
  }
})

const counter = (
  own: Own,
  observe: (counters: Reading["snapshot"]["counters"], reading: Reading) => number | ReadonlyArray<Series>
): MetricDefinition => ({
  ...gauge(own, (reading) => observe(reading.snapshot.counters, reading)),
  instrument: "Counter"
})

const histogram = (
  own: Own & Required<Pick<MetricDefinition, "bounds">>,
  observe: (times: Reading["times"]) => ReadonlyArray<Series>
): MetricDefinition => ({
  attributes: {},
  ...own,
  name: `${PREFIX}.${own.name}`,
  instrument: "Histogram",
  observe: ({ times }) => observe(times)
})

/** Sessions on their way out are no longer anybody's worry. */
const leaving: ReadonlySet<SlotState> = new Set<SlotState>(["closing", "gone"])

const oldestMillis = ({ sessions: ledger }: Reading): number =>
  ledger.reduce((oldest, { ageMillis, state }) => (leaving.has(state) ? oldest : Math.max(oldest, ageMillis)), 0)

const drainMillis = ({ now, times: { drainBegan, drainEnded } }: Reading): number =>
  drainBegan === undefined ? 0 : (drainEnded ?? now) - drainBegan

const state: ReadonlyArray<MetricDefinition> = [
  gauge(
    {
      name: "ready",
      unit: "{state}",
      description: "1 while the pool is open and a session stands, else 0",
      source: "the pool's phase and counts"
    },
    ({ snapshot }) => (snapshot.phase === "open" && snapshot.open > 0 ? 1 : 0)
  ),
  gauge(
    {
      name: "breaker.state",
      unit: "{state}",
      description: "Whether sessions are dialled: 0 closed (they are), 1 half open (the next one decides), 2 open",
      attributes: { breaker: "`network`, `capacity`, `auth`" },
      source: "the gate of the pool's dials"
    },
    ({ snapshot: { breakers } }) =>
      each("breaker", {
        network: breakerNumbers[breakers.network.state],
        capacity: breakerNumbers[breakers.capacity.state],
        auth: breakerNumbers[breakers.auth.state]
      })
  ),
  gauge(
    {
      name: "connecting",
      unit: "{connection}",
      description: "Sessions being opened",
      source: "the pool's dials under way"
    },
    ({ snapshot }) => snapshot.connecting
  ),
  gauge(
    {
      name: "closing",
      unit: "{connection}",
      description: "Sessions saying goodbye, whose slots are not free yet",
      source: "the pool's counts"
    },
    ({ snapshot }) => snapshot.closing
  ),
  gauge(
    {
      name: "ceiling",
      unit: "{connection}",
      description: "Sessions the pooler lets the pool have; the pool's maximum while it has not said otherwise",
      source: "learned from refusals"
    },
    ({ snapshot }) => snapshot.ceiling
  ),
  gauge(
    {
      name: "server.max",
      unit: "{connection}",
      description: "The server's max_connections, 0 before the first session",
      source: "the round trip that proves each session"
    },
    ({ times }) => times.serverMaxConnections ?? 0
  ),
  gauge(
    {
      name: "oldest_wait",
      unit: "s",
      description: "How long the first in the queue has waited, 0 while nobody waits",
      source: "the pool's queue"
    },
    ({ snapshot }) => snapshot.oldestWaitMillis / MILLIS_PER_SECOND
  ),
  gauge(
    {
      name: "oldest_lease",
      unit: "s",
      description: "How long the session lent first has been lent, 0 while none is",
      source: "the pool's leases"
    },
    ({ snapshot }) => snapshot.oldestLeaseMillis / MILLIS_PER_SECOND
  ),
  gauge(
    { name: "oldest", unit: "s", description: "Age of the oldest session, 0 while none stands", source: "the ledger" },
    (reading) => oldestMillis(reading) / MILLIS_PER_SECOND
  ),
  gauge(
    {
      name: "drain.duration",
      unit: "s",
      description: "How long the pool has been draining, or took to drain; 0 before",
      source: "the drain"
    },
    (reading) => drainMillis(reading) / MILLIS_PER_SECOND
  )
]

const counts: ReadonlyArray<MetricDefinition> = [
  counter(
    {
      name: "acquires",
      unit: "{request}",
      description: "Requests for a session, by how they ended",
      attributes: {
        outcome: "`immediate`, `waited`, `timeout`, `queue-full`, `abandoned` (interrupted), `failed`, `closed`"
      },
      source: "the pool's counters"
    },
    ({ acquired }) => each("outcome", acquired)
  ),
  counter(
    {
      name: "closes",
      unit: "{connection}",
      description: "Sessions that ended, by reason",
      attributes: { reason: "`lost`, `idle`, `lifetime`, `probe-failed`, `not-recovered`, `evicted`, `drain`" },
      source: "the pool's counters"
    },
    ({ closed }) => each("reason", closed)
  ),
  counter(
    { name: "dials", unit: "{dial}", description: "Dials begun", source: "the pool's counters" },
    ({ dialsStarted }) => dialsStarted
  ),
  counter(
    {
      name: "dial.failures",
      unit: "{dial}",
      description: "Dials that failed, by class of the error",
      attributes: { class: "`capacity`, `network`, `pooler`, `auth`, `configuration`, `statement`, `closed`" },
      source: "the pool's counters"
    },
    ({ dialsFailed }) => each("class", dialsFailed)
  ),
  counter(
    {
      name: "incidents",
      unit: "{incident}",
      description: "Losses of sessions; those lost together are one",
      source: "the pool's counters"
    },
    ({ incidents }) => incidents
  ),
  counter(
    {
      name: "cleanups",
      unit: "{connection}",
      description: "Sessions given back with something to clear: an open transaction, a changed setting, a lock",
      source: "the pool's counters"
    },
    ({ recoveries }) => recoveries
  ),
  counter(
    {
      name: "leaks",
      unit: "{connection}",
      description: "Leases longer than `DB_LEAK_THRESHOLD`",
      source: "the pool's counters"
    },
    ({ leaksSuspected }) => leaksSuspected
  ),
  counter(
    {
      name: "drain.cancelled",
      unit: "{connection}",
      description: "Sessions whose statement the drain cancelled",
      source: "the drain"
    },
    (_, { times }) => times.drainCancelled
  )
]

const durations: ReadonlyArray<MetricDefinition> = [
  histogram(
    {
      name: "dial.phase.duration",
      unit: "s",
      description: "Time each phase of a dial took",
      attributes: { phase: "`dns`, `tcp`, `tls`, `authentication`, `session`" },
      bounds: SECONDS_BOUNDS,
      source: "each dial that succeeded"
    },
    ({ phases }) => each("phase", { ...phases })
  ),
  histogram(
    {
      name: "probe.duration",
      unit: "s",
      description: "Time a silent session took to answer, or was given to answer, before it was lent",
      attributes: { outcome: "`answered`, `unanswered`" },
      bounds: SECONDS_BOUNDS,
      source: "each probe of the pool"
    },
    ({ probeAnswered, probeUnanswered }) => each("outcome", { answered: probeAnswered, unanswered: probeUnanswered })
  ),
  histogram(
    {
      name: "detection.duration",
      unit: "s",
      description: "Time to detect a lost session: from the last moment its peer could have answered",
      bounds: OUTAGE_BOUNDS,
      source: "each loss and each probe without an answer; 0 for an idle session whose end was announced"
    },
    ({ detection }) => single(detection)
  ),
  histogram(
    {
      name: "recovery.duration",
      unit: "s",
      description: "Time to recover: from the loss that left fewer than the minimum until it stood again",
      bounds: OUTAGE_BOUNDS,
      source: "losses and dials; with a minimum of 0, from a loss while somebody waits"
    },
    ({ recovery }) => single(recovery)
  )
]

export const sessionMetrics: ReadonlyArray<MetricDefinition> = [...state, ...counts, ...durations]
