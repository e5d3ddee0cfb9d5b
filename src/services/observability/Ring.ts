/** The last so many of a sequence. */
export class Ring<A> {
  private readonly capacity: number
  private items: Array<A> = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  push(item: A): void {
    if (this.items.length >= this.capacity) this.items.shift()
    this.items.push(item)
  }

  get oldest(): A | undefined {
    return this.items[0]
  }

  get newest(): A | undefined {
    return this.items.at(-1)
  }

  /** A copy, oldest first. */
  toArray(): ReadonlyArray<A> {
    return this.items.slice()
  }
}
