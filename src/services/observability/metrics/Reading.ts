/** Everything that metrics are read from, taken at one instant. */
import type { LedgerEntry } from "../../pool/Ledger.ts"
import type { PoolTimes } from "../../stats/PoolTimes.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { Place } from "../../session/SessionOpener.ts"
import type { LoopDelays } from "./LoopDelay.ts"

export interface Reading {
  readonly snapshot: PoolSnapshot
  readonly ledger: ReadonlyArray<LedgerEntry>
  readonly times: PoolTimes
  readonly endpoint: Place
  readonly loop: LoopDelays
  /** Monotonic milliseconds, on the clock of the pool. */
  readonly now: number
}
