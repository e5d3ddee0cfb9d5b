/**
 * A first-in, first-out queue of waiters with removal from the middle in constant time. A waiter contains its own
 * links: waiting allocates nothing for the queue, and a cancelled wait leaves nothing behind.
 */

/** The fields that the queue needs of a waiter. */
export interface WaiterNode<W> {
  previous: W | undefined
  next: W | undefined
  /** Monotonic milliseconds when the wait times out. Absolute, so that a retried wait does not start over. */
  deadline: number
  enqueuedAt: number
}

export class WaitQueue<W extends WaiterNode<W>> {
  private head: W | undefined = undefined
  private tail: W | undefined = undefined
  size = 0

  get first(): W | undefined {
    return this.head
  }

  push(waiter: W): void {
    waiter.previous = this.tail
    waiter.next = undefined
    if (this.tail === undefined) this.head = waiter
    else this.tail.next = waiter
    this.tail = waiter
    this.size++
  }

  /** Puts back a waiter that was taken from the front. */
  unshift(waiter: W): void {
    waiter.previous = undefined
    waiter.next = this.head
    if (this.head === undefined) this.tail = waiter
    else this.head.previous = waiter
    this.head = waiter
    this.size++
  }

  shift(): W | undefined {
    const waiter = this.head
    if (waiter !== undefined) this.remove(waiter)
    return waiter
  }

  /** Removes a waiter, which must be in this queue, from any position. */
  remove(waiter: W): void {
    if (waiter.previous === undefined) this.head = waiter.next
    else waiter.previous.next = waiter.next
    if (waiter.next === undefined) this.tail = waiter.previous
    else waiter.next.previous = waiter.previous
    waiter.previous = undefined
    waiter.next = undefined
    this.size--
  }

  /** Removes the waiters whose deadline has passed, in order; returns the earliest deadline of the others. */
  expire(now: number, expired: (waiter: W) => void): number {
    let earliest = Number.POSITIVE_INFINITY
    let waiter = this.head
    while (waiter !== undefined) {
      const next: W | undefined = waiter.next
      if (waiter.deadline <= now) {
        this.remove(waiter)
        expired(waiter)
      } else if (waiter.deadline < earliest) {
        earliest = waiter.deadline
      }
      waiter = next
    }
    return earliest
  }
}
