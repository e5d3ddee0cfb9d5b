/** Idle sessions, the last used on top: it is reused first, and the surplus at the bottom times out. */
import type { Slot, SlotSession } from "./Lease.ts"

export class IdleStack<S extends SlotSession> {
  private readonly slots: Array<Slot<S>> = []

  get size(): number {
    return this.slots.length
  }

  /** The slot at this height, counted from the bottom. */
  at(height: number): Slot<S> | undefined {
    return this.slots[height]
  }

  push(slot: Slot<S>): void {
    this.slots.push(slot)
  }

  /** For a session that was taken but not used: those in use stay on top. */
  pushBottom(slot: Slot<S>): void {
    this.slots.unshift(slot)
  }

  pop(): Slot<S> | undefined {
    return this.slots.pop()
  }

  remove(slot: Slot<S>): void {
    const at = this.slots.lastIndexOf(slot)
    // Nearly always it is the top, and a pop allocates nothing.
    if (at === this.slots.length - 1) this.slots.pop()
    else if (at >= 0) this.slots.splice(at, 1)
  }

  /** Removes and returns all. */
  clear(): ReadonlyArray<Slot<S>> {
    return this.slots.splice(0)
  }

  /** The slot with the earliest instant. */
  earliest(instantOf: (slot: Slot<S>) => number): Slot<S> | undefined {
    let earliest = this.slots[0]
    for (const slot of this.slots) if (earliest === undefined || instantOf(slot) < instantOf(earliest)) earliest = slot
    return earliest
  }

  /** A session whose lifetime is over. */
  expired(now: number): Slot<S> | undefined {
    return this.slots.find((slot) => now >= slot.expiresAt)
  }
}
