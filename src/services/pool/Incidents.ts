/**
 * Sessions that are lost together are one incident: a deploy of the pooler ends all of them within milliseconds, and
 * one line with the count and the first cause says more than fifteen.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { SessionError } from "../errors/SessionError.ts"

/** Losses within this time of the first belong to it. */
const TOGETHER_MILLIS = 100

export class Incidents {
  private readonly context: Context.Context<never>
  private readonly report: (count: number, first: SessionError) => void
  private count = 0
  private first: SessionError | undefined = undefined

  constructor(context: Context.Context<never>, report: (count: number, first: SessionError) => void) {
    this.context = context
    this.report = report
  }

  lost(error: SessionError): void {
    this.count++
    if (this.first !== undefined) return
    this.first = error
    Effect.runForkWith(this.context)(
      Effect.andThen(
        Effect.sleep(TOGETHER_MILLIS),
        Effect.sync(() => this.flush())
      )
    )
  }

  /** Reports what was gathered so far. */
  flush(): void {
    if (this.first === undefined) return
    const { count, first } = this
    this.count = 0
    this.first = undefined
    this.report(count, first)
  }
}
