/** The dials under way: when each began, and which have logged in already. */

/** A dial slower than this is not counted on any more: another may start beside it for those who wait. */
export const SLOW_DIAL_MILLIS = 500

export class Dials {
  private readonly began = new Map<number, number>()
  private readonly loggedIn = new Set<number>()
  private last = 0

  get size(): number {
    return this.began.size
  }

  /** Those whose password is still to be taken. */
  get loggingIn(): number {
    return this.began.size - this.loggedIn.size
  }

  /** Those that are not slow yet. */
  fresh(now: number): number {
    let fresh = 0
    for (const began of this.began.values()) if (now - began < SLOW_DIAL_MILLIS) fresh++
    return fresh
  }

  /** The next instant at which one becomes slow; infinity when none does. */
  nextSlow(now: number): number {
    let at = Number.POSITIVE_INFINITY
    for (const began of this.began.values()) {
      if (began + SLOW_DIAL_MILLIS > now) at = Math.min(at, began + SLOW_DIAL_MILLIS)
    }
    return at
  }

  /** Begins one; returns its id. */
  begin(now: number): number {
    const id = ++this.last
    this.began.set(id, now)
    return id
  }

  /** It has logged in; false when it is not under way any more. */
  logIn(id: number): boolean {
    const isUnderWay = this.began.has(id)
    if (isUnderWay) this.loggedIn.add(id)
    return isUnderWay
  }

  end(id: number): void {
    this.began.delete(id)
    this.loggedIn.delete(id)
  }
}
