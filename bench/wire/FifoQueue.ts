/** Shifted entries before the array is compacted. */
const COMPACT_AT = 1024

/** A first-in, first-out queue whose operations take constant time at any length. */
export class FifoQueue<A> {
  private entries: Array<A | undefined> = []
  private head = 0

  get length(): number {
    return this.entries.length - this.head
  }

  push(entry: A): void {
    this.entries.push(entry)
  }

  shift(): A | undefined {
    if (this.head === this.entries.length) return undefined
    const entry = this.entries[this.head]
    this.entries[this.head++] = undefined
    if (this.head >= COMPACT_AT && this.head * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.head)
      this.head = 0
    }
    return entry
  }
}
