/** The advisor's data of the recent past: samples of the last minute and events of the last ten. Pure. */
import type { PoolEvent } from "../../pool/Events.ts"
import type { AcquireOutcome, PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { Load } from "../../config/LittlesLaw.ts"
import type { SuspectedLeak } from "./AdvisorInput.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** The period over which counters are compared, in milliseconds. */
const WINDOW_MILLIS = 60_000

/** Twice the usual idle limit of networks, so that losses at every limit stay one finding. */
const EVENTS_MILLIS = 600_000

/** Most events kept; an outage repeats the same ones. */
const MAX_EVENTS = 500

/** The number of ended leases, and their total duration. */
interface Use {
  readonly count: number
  readonly seconds: number
}

interface Sample {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly pool: PoolSnapshot
  readonly use: Use
}

export interface AdvisorWindow {
  /** Oldest first. */
  readonly samples: ReadonlyArray<Sample>
  readonly events: ReadonlyArray<PoolEvent>
  readonly suspectedLeaks: ReadonlyArray<SuspectedLeak>
}

export const emptyWindow: AdvisorWindow = { samples: [], events: [], suspectedLeaks: [] }

/** Adds a sample and removes those before the window. */
export const withSample = (window: AdvisorWindow, sample: Sample): AdvisorWindow => ({
  ...window,
  samples: [...window.samples.filter(({ at }) => sample.at - at <= WINDOW_MILLIS), sample]
})

const leaksAfter = (leaks: ReadonlyArray<SuspectedLeak>, event: PoolEvent): ReadonlyArray<SuspectedLeak> => {
  switch (event._tag) {
    case "LeakSuspected":
      return [...leaks, { sessionId: event.sessionId, holder: event.holder }]
    case "LeakReturned":
      return leaks.filter(({ sessionId }) => sessionId !== event.sessionId)
    case "SessionClosed":
      return leaks.filter(({ sessionId }) => sessionId !== event.id)
    default:
      return leaks
  }
}

export const withEvent = (window: AdvisorWindow, event: PoolEvent): AdvisorWindow => ({
  ...window,
  events: [...window.events, event].slice(-MAX_EVENTS),
  suspectedLeaks: leaksAfter(window.suspectedLeaks, event)
})

/** Removes old events. `now` is wall-clock milliseconds. */
export const withoutOldEvents = (window: AdvisorWindow, now: number): AdvisorWindow => {
  const events = window.events.filter(({ at }) => now - at <= EVENTS_MILLIS)
  return events.length === window.events.length ? window : { ...window, events }
}

const arrivals: ReadonlyArray<AcquireOutcome> = ["immediate", "waited", "timeout", "queue-full", "abandoned", "failed"]
const arrivalsOf = ({ counters, waiting }: PoolSnapshot): number =>
  arrivals.reduce((sum, outcome) => sum + counters.acquired[outcome], waiting)

/** The load in the window. Callers that wait at its end arrivals in it, those that waited at its start before it. */
export const loadOf = ({ samples }: AdvisorWindow): Load => {
  const first = samples[0]
  const last = samples.at(-1)
  if (first === undefined || last === undefined) return { windowMillis: 0, arrivals: 0, leases: 0, heldMillis: 0 }
  return {
    windowMillis: last.at - first.at,
    arrivals: arrivalsOf(last.pool) - arrivalsOf(first.pool),
    leases: last.use.count - first.use.count,
    heldMillis: (last.use.seconds - first.use.seconds) * MILLIS_PER_SECOND
  }
}
