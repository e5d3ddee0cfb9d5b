/** One timer for all deadlines of a pool: one per waiter costs a third of the throughput of a saturated pool. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export class DeadlineTimer {
  private readonly context: Context.Context<never>
  private readonly now: () => number
  private readonly onDue: () => number
  private fiber: Fiber.Fiber<void> | undefined = undefined
  private armedFor = Number.POSITIVE_INFINITY
  private stopped = false

  /** `onDue` handles the deadlines that have passed and returns the instant of the next one. */
  constructor(context: Context.Context<never>, now: () => number, onDue: () => number) {
    this.context = context
    this.now = now
    this.onDue = onDue
  }

  /** Ensures that `onDue` runs at `at` or earlier. */
  arm(at: number): void {
    if (at >= this.armedFor || this.stopped) return
    this.fiber?.interruptUnsafe()
    this.armedFor = at
    const due = Effect.sync(() => {
      this.fiber = undefined
      this.armedFor = Number.POSITIVE_INFINITY
      this.arm(this.onDue())
    })
    // A timer may fire a fraction of a millisecond early; rounding up avoids a busy loop.
    const millis = Math.max(0, Math.ceil(at - this.now()))
    this.fiber = Effect.runForkWith(this.context)(Effect.delay(due, millis))
  }

  stop(): void {
    this.stopped = true
    this.fiber?.interruptUnsafe()
  }
}
