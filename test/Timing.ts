/** Measuring time on a machine that may be busy with something else. */
import * as Effect from "effect/Effect"
import type { TestOptions } from "vitest"

/**
 * For a test whose subject is a duration: other work only adds to a duration, so one attempt in four within the bound
 * proves it.
 */
export const timed: TestOptions = { retry: 3, timeout: 90_000 }

/** How often a stopwatch checks whether its process was running. */
const BEAT_MILLIS = 10

const processorMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

/** Milliseconds since its start, without those for which this process waited for a processor. */
class Stopwatch {
  readonly #started = performance.now()
  #beat = this.#started
  #processor = processorMillis()
  #starved = 0
  readonly #timer = setInterval(() => this.#check(), BEAT_MILLIS)

  stop(): number {
    clearInterval(this.#timer)
    this.#check()
    return this.#beat - this.#started - this.#starved
  }

  /** When a beat is late and this process did not compute meanwhile, it waited for a processor. */
  #check(): void {
    const [now, processor] = [performance.now(), processorMillis()]
    this.#starved += Math.max(0, now - this.#beat - BEAT_MILLIS - (processor - this.#processor))
    this.#beat = now
    this.#processor = processor
  }
}

/** How long an effect takes, in milliseconds, and its result. */
export const stopped = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [number, A], E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Stopwatch()),
    (stopwatch) => Effect.map(effect, (value) => [stopwatch.stop(), value] as const),
    (stopwatch) => Effect.sync(() => void stopwatch.stop())
  )

/** How long an effect takes, in milliseconds, whatever its outcome. */
export const elapsed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, never, R> =>
  Effect.map(stopped(Effect.exit(effect)), ([millis]) => millis)

/** How much processor time a function takes, in milliseconds. */
export const processorTime = (run: () => void): number => {
  const before = processorMillis()
  run()
  return processorMillis() - before
}

/** The middle one of some figures. */
export const median = (figures: ReadonlyArray<number>): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN
