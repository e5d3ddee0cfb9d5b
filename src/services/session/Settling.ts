/** What later statements of a session wait for: something that was left early is still being ended. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

export class Settling {
  private underWay: Deferred.Deferred<void> | undefined = undefined
  private left = 0

  get isUnderWay(): boolean {
    return this.underWay !== undefined
  }

  /** Waits until nothing is being ended any more. */
  readonly over: Effect.Effect<void> = Effect.suspend(() =>
    this.underWay === undefined ? Effect.void : Effect.andThen(Deferred.await(this.underWay), this.over)
  )

  /** Has others wait until what is returned was called, for this and for all that began meanwhile. */
  begin(): () => void {
    this.left++
    const underWay = (this.underWay ??= Deferred.makeUnsafe<void>())
    return () => {
      if (--this.left > 0) return
      this.underWay = undefined
      Deferred.doneUnsafe(underWay, Effect.void)
    }
  }
}
