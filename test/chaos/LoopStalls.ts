/** Records when this process could not run, because deadlines in that time cannot be kept. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** How often the event loop is checked; shorter stalls do no harm. */
const BEAT_MILLIS = 10

/** Stalls are kept for this long; deadlines are a few seconds old at most. */
const MAX_AGE_MILLIS = 30_000

export class LoopStalls {
  private readonly stalls: Array<{ readonly from: number; readonly to: number }> = []
  private last = performance.now()
  total = 0

  /** Records while the scope is open. */
  static readonly make: Effect.Effect<LoopStalls, never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const stalls = new LoopStalls()
        return { stalls, timer: setInterval(() => stalls.beat(), BEAT_MILLIS) }
      }),
      ({ timer }) => Effect.sync(() => clearInterval(timer))
    ),
    ({ stalls }) => stalls
  )

  /** Milliseconds of stalls between two instants of `performance.now()`, including the current one. */
  readonly between = (from: number, to: number): number => {
    const overlap = (start: number, end: number) => Math.max(0, Math.min(end, to) - Math.max(start, from))
    const past = this.stalls.reduce((sum, stall) => sum + overlap(stall.from, stall.to), 0)
    return past + overlap(this.last + BEAT_MILLIS, performance.now())
  }

  private beat(): void {
    const now = performance.now()
    const late = now - this.last - BEAT_MILLIS
    if (late > 1) {
      this.stalls.push({ from: this.last + BEAT_MILLIS, to: now })
      this.total += late
    }
    this.last = now
    while (this.stalls.length > 0 && now - this.stalls[0]!.to > MAX_AGE_MILLIS) this.stalls.shift()
  }
}
