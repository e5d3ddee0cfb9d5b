/**
 * The queue of those who wait: first in, first out, with removal from the middle in constant time.
 *
 * A waiter carries its own links, so waiting allocates nothing for the queue and giving up leaves nothing behind.
 */

/** What a waiter must bring along. */
export interface WaiterNode<W> {
  previous: W | undefined
  next: W | undefined
  /** Monotonic milliseconds when it gives up; absolute, so that no wait ever starts its time anew. */
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

  /** Puts one back to where it was taken from. */
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

  /** Takes a waiter out, wherever it stands. It must be in this queue. */
  remove(waiter: W): void {
    if (waiter.previous === undefined) this.head = waiter.next
    else waiter.previous.next = waiter.next
    if (waiter.next === undefined) this.tail = waiter.previous
    else waiter.next.previous = waiter.previous
    waiter.previous = undefined
    waiter.next = undefined
    this.size--
  }

  /** Takes out everyone whose time is up, in order; returns the earliest deadline of those who stay. */
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
