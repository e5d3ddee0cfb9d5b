/**
 * Runs what a step of the state machine asked for after the step, in order, without growing the stack.
 *
 * A fiber that is woken runs at once, and may give its session back at once, which wakes the next: that lands in the
 * same loop instead of in a deeper call, so ten thousand waiters in a row do not overflow the stack.
 */

/** Somebody who got what it waited for: deferred as it is, because a closure per hand-off is felt. */
export interface Wakeable {
  wake(refusal: undefined): void
}

type Action = (() => void) | Wakeable

/** Places kept for the next time; a drain with thousands of waiters must not be remembered for ever. */
const KEPT = 1024

export class Trampoline {
  private actions: Array<Action | undefined> = []
  private head = 0
  private tail = 0
  private running = false
  private readonly after: () => void

  /** `after` is called whenever the queue has run empty. */
  constructor(after: () => void) {
    this.after = after
  }

  defer(action: Action): void {
    this.actions[this.tail++] = action
  }

  /** Runs everything deferred, including what is deferred meanwhile. */
  run(): void {
    if (this.running) return
    this.running = true
    try {
      while (this.head < this.tail) this.act(this.next())
    } finally {
      this.running = false
    }
    this.after()
  }

  private next(): Action {
    const action = this.actions[this.head]!
    this.actions[this.head++] = undefined
    if (this.head === this.tail) {
      this.head = this.tail = 0
      if (this.actions.length > KEPT) this.actions = []
    }
    return action
  }

  private act(action: Action): void {
    if (typeof action === "function") action()
    else action.wake(undefined)
  }
}
