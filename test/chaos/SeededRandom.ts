/** A random source that a seed repeats. */

/** Constants of Mulberry32, which has 32 bits of state and is the same on every machine. */
const STEP = 0x6d2b79f5
const RANGE = 2 ** 32

export class SeededRandom {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  /** In [0, 1). */
  readonly next = (): number => {
    this.state = (this.state + STEP) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / RANGE
  }

  /** An integer from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of the candidates; undefined when there is none. */
  pick<A>(candidates: ReadonlyArray<A>): A | undefined {
    return candidates[Math.floor(this.next() * candidates.length)]
  }

  /** The key of one entry, with a probability by weight. */
  weighted<K extends string>(weights: ReadonlyArray<readonly [K, number]>): K {
    let left = this.next() * weights.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of weights) if ((left -= weight) < 0) return key
    return weights.at(-1)![0]
  }

  /** A second source that does not depend on later choices here. */
  fork(): SeededRandom {
    return new SeededRandom(Math.floor(this.next() * RANGE))
  }
}
