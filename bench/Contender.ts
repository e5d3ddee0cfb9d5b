/** The interface of a client in the comparison. */
import type { Operation, Rows } from "./Operation.ts"

/** The database's address, and how many sessions a contender may open. */
export interface Target {
  readonly url: string
  readonly sessions: number
}

/** What the callers of one loop did together. */
export interface LoopFigures {
  readonly operations: number
  readonly seconds: number
  /** Milliseconds; absent if the contender does not report it. */
  readonly latency?: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined
  /** Processor time in microseconds, if the client runs outside this process. */
  readonly cpuMicros?: number | undefined
}

/** A contender with its sessions. */
export interface OpenContender {
  /** Lets `callers` repeat an operation for `millis`. */
  readonly measure: (operation: Operation, callers: number, millis: number) => Promise<LoopFigures>
  /** Runs an operation once, to check its rows. */
  readonly runOnce?: ((operation: Operation, key: number) => Promise<Rows>) | undefined
  /** Starts `count` statements at once; calls `done` at the end of each. */
  readonly burst?: ((count: number, done: (index: number) => void) => Promise<void>) | undefined
  /** Acquires and releases an idle session `count` times, one after the other. */
  readonly lease?: ((count: number) => Promise<void>) | undefined
  /** Acquires this many sessions at the same time, then releases them. */
  readonly hold?: ((sessions: number) => Promise<void>) | undefined
  readonly close: () => Promise<void>
}

export interface Contender {
  readonly open: (target: Target) => Promise<OpenContender>
}
