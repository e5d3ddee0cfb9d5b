/**
 * Runs what a step of the state machine asked for after the step, in order, without growing the stack.
 *
 * A fiber that is woken runs at once, and may give its session back at once, which wakes the next: that lands in the
 * same loop instead of in a deeper call, so ten thousand waiters in a row do not overflow the stack.
 */
export class Trampoline {
  private actions: Array<() => void> = []
  private running = false
  private readonly after: () => void

  /** `after` is called whenever the queue has run empty. */
  constructor(after: () => void) {
    this.after = after
  }

  defer(action: () => void): void {
    this.actions.push(action)
  }

  /** Runs everything deferred, including what is deferred meanwhile. */
  run(): void {
    if (this.running) return
    this.running = true
    try {
      while (this.actions.length > 0) {
        const batch = this.actions
        this.actions = []
        for (const action of batch) action()
      }
    } finally {
      this.running = false
    }
    this.after()
  }
}
