/** Callers that wait until a condition holds, which is checked after every change. */
import * as Effect from "effect/Effect"

export class Watchers {
  private readonly checks = new Set<() => void>()

  /** Checks deferred, because a watcher may call the object that reports the change, which must finish its step. */
  readonly changed = (): void =>
    queueMicrotask(() => {
      for (const check of this.checks) check()
    })

  until(holds: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const check = () => {
        if (!holds()) return
        this.checks.delete(check)
        resume(Effect.void)
      }
      this.checks.add(check)
      check()
      return Effect.sync(() => this.checks.delete(check))
    })
  }
}
