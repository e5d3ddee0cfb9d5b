/** What happens in a pool, as values: rare things only, nothing per query. */
import type { SessionError } from "../errors/SessionError.ts"
import type { SessionInfo } from "../session/SessionOpener.ts"
import type { CloseReason } from "./core/Snapshot.ts"

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

/** An event before it is stamped. */
export type PoolEventBody = PoolEvent extends infer E ? (E extends unknown ? Omit<E, "at"> : never) : never
