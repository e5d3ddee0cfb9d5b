/** A snapshot of an open pool with two idle sessions, with changes. */
import { emptyCounters, type PoolSnapshot } from "../../src/services/pool/core/Snapshot.ts"

export const poolFixture = (changes: Partial<PoolSnapshot> = {}): PoolSnapshot => ({
  name: "db.example.com:5432/postgres",
  phase: "open",
  open: 2,
  connecting: 0,
  idle: 2,
  used: 0,
  closing: 0,
  waiting: 0,
  min: 2,
  max: 5,
  ceiling: 5,
  poolerSize: undefined,
  breakers: {
    network: { state: "closed", retryInMillis: undefined },
    capacity: { state: "closed", retryInMillis: undefined },
    auth: { state: "closed", retryInMillis: undefined }
  },
  maxWaiting: 1000,
  oldestWaitMillis: 0,
  oldestLeaseMillis: 0,
  lastFailure: undefined,
  counters: emptyCounters(),
  ...changes
})
