/** The delay of the event loop. A process whose event loop is blocked measures every statement as slow. */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { MILLIS_PER_SECOND, NANOS_PER_SECOND } from "../../errors/Units.ts"

/** The interval of Node's timer; any excess is delay. Node's default of 10 ms wakes an idle process too often. */
const RESOLUTION_MILLIS = 50

/** The least duration of a window, in milliseconds, however often the delays are read. */
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

const beyondPeriod = (nanos: number): number => Math.max(0, nanos / NANOS_PER_SECOND - RESOLUTION_SECONDS)

export class LoopDelay {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS })
  private readonly now: () => number
  private readonly windowMillis: number
  /** The result of the last `read`. */
  shown: LoopDelays = none
  private since: number

  constructor(now: () => number, windowMillis = WINDOW_MILLIS) {
    this.now = now
    this.windowMillis = windowMillis
    this.since = now()
    this.histogram.enable()
  }

  /** The last complete window; before the first one, the delays so far. */
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
