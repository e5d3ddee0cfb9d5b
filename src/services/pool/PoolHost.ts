/** What the parts of the pool may use of the object that runs it. */
import type { Settings } from "../config/settings/Settings.ts"
import type { Session, DatabaseEndpoint } from "../session/Session.ts"
import type { PoolCore } from "./core/PoolCore.ts"
import type { PoolEventBody } from "./Events.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"

export interface PoolHost {
  readonly core: PoolCore<Session>
  readonly config: Settings
  readonly endpoint: DatabaseEndpoint
  readonly times: PoolTimes
  /** How long a caller waits for a session at most, in milliseconds. */
  readonly acquireMillis: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly publish: (event: PoolEventBody) => void
  /** Sets the timer for a caller that has begun to wait: to its deadline, or earlier when a dial is due before. */
  readonly armForWaiter: (deadline: number, now: number) => void
}
