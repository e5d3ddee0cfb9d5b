/** What a client has to offer to be compared. */
import type { Operation, Rows } from "./Operation.ts"

/** Where the database is, and how many sessions a contender may have there. */
export interface Target {
  readonly url: string
  readonly sessions: number
}

/** What a number of callers got done together. */
export interface Loop {
  readonly operations: number
  readonly seconds: number
  /** Milliseconds; absent where the contender does not tell. */
  readonly latency?: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined
  /** Processor time of a program that is no part of this process, in microseconds. */
  readonly cpuMicros?: number | undefined
}

/** A contender with its sessions. */
export interface Opened {
  /** So many callers repeat an operation for so long. */
  readonly measure: (operation: Operation, callers: number, millis: number) => Promise<Loop>
  /** Answers once, for looking whether the answer is right. */
  readonly answer?: ((operation: Operation, key: number) => Promise<Rows>) | undefined
  /** Asks for all at once; `done` hears of each end. */
  readonly burst?: ((count: number, done: (index: number) => void) => Promise<void>) | undefined
  /** Takes and gives back an idle session, so many times, one after the other. */
  readonly lease?: ((count: number) => Promise<void>) | undefined
  /** Holds so many sessions at the same time for a moment. */
  readonly hold?: ((sessions: number) => Promise<void>) | undefined
  readonly close: () => Promise<void>
}

export interface Contender {
  readonly open: (target: Target) => Promise<Opened>
}
