/**
 * Runs the actions that a step of the state machine deferred: after the step, in order. A fiber that is woken may
 * release its session at once, which wakes the next waiter: in this loop, ten thousand do not overflow the stack.
 */

/** Deferred as an object, because a closure per hand-off costs measurable time. */
export interface Wakeable {
  wake(error: undefined): void
}

type Action = (() => void) | Wakeable

/** The array is replaced when it grew longer: a drain with thousands of waiters must not keep its memory. */
const MAX_KEPT = 1024

export class Trampoline {
  private actions: Array<Action | undefined> = []
  private head = 0
  private tail = 0
  private running = false
  private readonly after: () => void

  /** `after` is called whenever the queue has become empty. */
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
      while (this.head < this.tail) {
        const action = this.shift()
        if (typeof action === "function") action()
        else action.wake(undefined)
      }
    } finally {
      this.running = false
    }
    this.after()
  }

  private shift(): Action {
    const action = this.actions[this.head]!
    this.actions[this.head++] = undefined
    if (this.head === this.tail) {
      this.head = this.tail = 0
      if (this.actions.length > MAX_KEPT) this.actions = []
    }
    return action
  }
}
