/** The interface through which the parts of the pool use `PoolRuntime`. */
import type { Settings } from "../config/settings/Settings.ts"
import type { Session, DatabaseEndpoint } from "../session/Session.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import type { PoolCore } from "./core/PoolCore.ts"
import type { PoolEventBody } from "./Events.ts"

export interface PoolHost {
  readonly core: PoolCore<Session>
  readonly config: Settings
  readonly endpoint: DatabaseEndpoint
  readonly times: PoolTimes
  /** The acquire timeout in milliseconds. */
  readonly acquireMillis: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly publish: (event: PoolEventBody) => void
  /** Arms the timer for a new waiter: for its deadline, or for the next dial where that is earlier. */
  readonly armForWaiter: (deadline: number, now: number) => void
}
