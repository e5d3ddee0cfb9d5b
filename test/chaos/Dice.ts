/** Choices that a seed repeats. */

/** Mulberry32: thirty-two bits of state are plenty for choices, and the same on every machine. */
const STEP = 0x6d2b79f5
const RANGE = 2 ** 32

export class Dice {
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

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of them; undefined only when there is none. */
  pick<A>(candidates: ReadonlyArray<A>): A | undefined {
    return candidates[Math.floor(this.next() * candidates.length)]
  }

  /** The key of one entry, each as likely as its weight says. */
  weighted<K extends string>(weights: ReadonlyArray<readonly [K, number]>): K {
    let left = this.next() * weights.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of weights) if ((left -= weight) < 0) return key
    return weights.at(-1)![0]
  }

  /** Further choices that do not depend on how many are made here later. */
  fork(): Dice {
    return new Dice(Math.floor(this.next() * RANGE))
  }
}
