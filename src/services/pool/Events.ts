/** Events of a pool. None is published per query. */
import type { SessionError } from "../errors/SessionError.ts"
import type { SessionInfo } from "../session/Session.ts"
import type { CloseReason } from "./core/Snapshot.ts"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** One event; `at` is wall-clock milliseconds. */
export type PoolEvent = { readonly at: number } & (
  | { readonly _tag: "SessionOpened"; readonly info: SessionInfo }
  | { readonly _tag: "SessionClosed"; readonly id: number; readonly backendPid: number; readonly reason: CloseReason }
  | { readonly _tag: "SessionsLost"; readonly count: number; readonly first: SessionError }
  | { readonly _tag: "DialFailed"; readonly error: SessionError; readonly open: number; readonly retryInMillis: number }
  | { readonly _tag: "CeilingLearned"; readonly held: number; readonly poolerSize: number | undefined }
  | { readonly _tag: "CeilingLifted" }
  | {
      readonly _tag: "LeakSuspected"
      readonly sessionId: number
      readonly holder: string
      readonly heldMillis: number
      readonly statement: string | undefined
    }
  | { readonly _tag: "LeakReturned"; readonly sessionId: number; readonly holder: string; readonly heldMillis: number }
  | {
      readonly _tag: "StatementOverdue"
      readonly sessionId: number
      readonly holder: string
      readonly error: SessionError
    }
  | { readonly _tag: "Draining"; readonly used: number; readonly waiting: number }
  | { readonly _tag: "Drained"; readonly elapsedMillis: number; readonly cancelled: number }
)

/** An event without its time. */
export type PoolEventBody = PoolEvent extends infer E ? (E extends unknown ? Omit<E, "at"> : never) : never

/** Losses within this time of the first are reported as one. */
const GROUP_MILLIS = 100

/** Groups losses that belong together, such as all sessions of a server that restarts, into one report. */
export class LossGrouping {
  private readonly context: Context.Context<never>
  private readonly report: (count: number, first: SessionError) => void
  private count = 0
  private first: SessionError | undefined = undefined

  constructor(context: Context.Context<never>, report: (count: number, first: SessionError) => void) {
    this.context = context
    this.report = report
  }

  add(error: SessionError): void {
    this.count++
    if (this.first !== undefined) return
    this.first = error
    const flush = Effect.sync(() => this.flush())
    Effect.runForkWith(this.context)(Effect.delay(flush, GROUP_MILLIS))
  }

  /** Reports the losses collected so far. */
  flush(): void {
    if (this.first === undefined) return
    const { count, first } = this
    this.count = 0
    this.first = undefined
    this.report(count, first)
  }
}
