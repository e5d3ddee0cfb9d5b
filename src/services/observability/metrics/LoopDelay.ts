/** How late the event loop runs: a process that is busy with itself looks like a slow database to everything else. */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { MILLIS_PER_SECOND, NANOS_PER_SECOND } from "../../errors/Units.ts"

/**
 * The loop's timer is set for this many milliseconds: what takes longer is delay. Node's own default of 10 wakes a
 * process a hundred times a second that has nothing to do; a loop that stands still is late by as much whichever it is.
 */
const RESOLUTION_MILLIS = 50

/** The delays shown are those of the last window of at least this many milliseconds, whoever reads them how often. */
const WINDOW_MILLIS = 10_000

const RESOLUTION_SECONDS = RESOLUTION_MILLIS / MILLIS_PER_SECOND

/** Delays of one window, in seconds. */
export interface LoopDelays {
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

const none: LoopDelays = { mean: 0, p50: 0, p90: 0, p99: 0, max: 0 }

/** The timer's period is part of what Node measures, and no delay. */
const beyondPeriod = (nanos: number): number => Math.max(0, nanos / NANOS_PER_SECOND - RESOLUTION_SECONDS)

export class LoopDelay {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS })
  private readonly now: () => number
  private readonly windowMillis: number
  /** What `read` found last. */
  shown: LoopDelays = none
  private since: number

  constructor(now: () => number, windowMillis = WINDOW_MILLIS) {
    this.now = now
    this.windowMillis = windowMillis
    this.since = now()
    this.histogram.enable()
  }

  /** The last whole window; before there was one, what has been seen so far. */
  read(): LoopDelays {
    const isWhole = this.now() - this.since >= this.windowMillis
    if (!isWhole && this.shown !== none) return this.shown
    const seen = this.measure()
    if (!isWhole) return seen
    this.shown = seen
    this.since = this.now()
    this.histogram.reset()
    return seen
  }

  stop(): void {
    this.histogram.disable()
  }

  private measure(): LoopDelays {
    const { histogram } = this
    if (histogram.count === 0) return none
    return {
      mean: beyondPeriod(histogram.mean),
      p50: beyondPeriod(histogram.percentile(50)),
      p90: beyondPeriod(histogram.percentile(90)),
      p99: beyondPeriod(histogram.percentile(99)),
      max: beyondPeriod(histogram.max)
    }
  }
}
