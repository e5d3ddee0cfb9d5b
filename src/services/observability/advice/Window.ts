/** What the advisor remembers between two looks: pictures of the pool of the last minute, and what happened lately. */
import type { PoolEvent } from "../../pool/Events.ts"
import type { AcquireOutcome, PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { Load } from "../../config/LittlesLaw.ts"
import type { SuspectedLeak } from "./AdvisorInput.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Counters are compared over this time, in milliseconds: a burst is seen at once and forgotten a minute later. */
const WINDOW_MILLIS = 60_000

/** Drops that come every five minutes, the usual idle limit of a network, must stay one finding: two of them. */
const EVENTS_MILLIS = 600_000

/** A pool in trouble says the same thing again and again; the last of it is enough. */
const MOST_EVENTS = 500

/** How often sessions were given back so far, and how long they had been held together. */
interface Use {
  readonly count: number
  readonly seconds: number
}

/** The pool at one time. */
interface Sample {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly pool: PoolSnapshot
  readonly use: Use
}

export interface AdvisorWindow {
  /** Oldest first; the first one is the beginning of the window. */
  readonly samples: ReadonlyArray<Sample>
  readonly events: ReadonlyArray<PoolEvent>
  readonly suspectedLeaks: ReadonlyArray<SuspectedLeak>
}

export const emptyWindow: AdvisorWindow = { samples: [], events: [], suspectedLeaks: [] }

/** Adds a picture of the pool and lets go of what lies before the window. */
export const withSample = (memory: AdvisorWindow, sample: Sample): AdvisorWindow => ({
  ...memory,
  samples: [...memory.samples.filter(({ at }) => sample.at - at <= WINDOW_MILLIS), sample]
})

const suspectsAfter = (suspects: ReadonlyArray<SuspectedLeak>, event: PoolEvent): ReadonlyArray<SuspectedLeak> => {
  switch (event._tag) {
    case "LeakSuspected":
      return [...suspects, { sessionId: event.sessionId, holder: event.holder }]
    case "LeakReturned":
      return suspects.filter(({ sessionId }) => sessionId !== event.sessionId)
    case "SessionClosed":
      return suspects.filter(({ sessionId }) => sessionId !== event.id)
    default:
      return suspects
  }
}

/** Adds an event. */
export const withEvent = (memory: AdvisorWindow, event: PoolEvent): AdvisorWindow => ({
  ...memory,
  events: [...memory.events, event].slice(-MOST_EVENTS),
  suspectedLeaks: suspectsAfter(memory.suspectedLeaks, event)
})

/** Lets go of events that are old. `now` is wall-clock milliseconds. */
export const withoutOldEvents = (memory: AdvisorWindow, now: number): AdvisorWindow => {
  const events = memory.events.filter(({ at }) => now - at <= EVENTS_MILLIS)
  return events.length === memory.events.length ? memory : { ...memory, events }
}

const arrived: ReadonlyArray<AcquireOutcome> = ["immediate", "waited", "timeout", "queue-full", "abandoned", "failed"]
const arrivalsOf = ({ counters, waiting }: PoolSnapshot): number =>
  arrived.reduce((sum, outcome) => sum + counters.acquired[outcome], waiting)

/** The load in the window. Who waits at its end came in it, and who waited at its beginning came before. */
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
