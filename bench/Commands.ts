/** What the parent may ask of a contender's process, and what that answers. */
import type { Loop, Target } from "./Contender.ts"
import type { Operation, Rows } from "./Operation.ts"

export interface Memory {
  /** Bytes of the process in memory. */
  readonly rss: number
  /** Bytes of the JavaScript heap in use after a collection. */
  readonly heap: number
}

export interface Measured extends Loop {
  readonly cpuMicros: number
  /** The most bytes of memory the process had so far. */
  readonly peakRss: number
}

export interface Burst {
  readonly millis: number
  readonly idle: Memory
  /** The most bytes of memory that were seen during the burst. */
  readonly peakRss: number
  /** When the last but one percent was answered, in milliseconds. */
  readonly p99: number
  /** How many places away from their own answers came: all but one percent of them, and the most displaced. */
  readonly displaced: { readonly p99: number; readonly most: number }
}

export interface Leased {
  readonly seconds: number
  readonly cpuMicros: number
  /** Bytes that are in the heap afterwards, and were not before. */
  readonly heapGrowth: number
}

export interface Idle {
  readonly cpuMicros: number
  readonly before: Memory
  readonly after: Memory
}

/** By name: what is given and what comes back. */
export interface Commands {
  readonly open: { readonly input: Target; readonly output: null }
  readonly close: { readonly input: null; readonly output: null }
  readonly answer: { readonly input: { readonly operation: Operation; readonly key: number }; readonly output: Rows }
  readonly measure: {
    readonly input: { readonly operation: Operation; readonly callers: number; readonly millis: number }
    readonly output: Measured
  }
  readonly burst: { readonly input: { readonly count: number }; readonly output: Burst }
  /** As `measure`, with sessions of its own that are closed afterwards. */
  readonly measureApart: {
    readonly input: Target & Commands["measure"]["input"]
    readonly output: Measured
  }
  /**
   * As `measureApart`, without sockets and without the server once its statements are prepared. Begins with as many
   * operations as are given, in as many milliseconds at most.
   */
  readonly measureCanned: {
    readonly input: Commands["measureApart"]["input"] & {
      readonly warmUpOperations: number
      readonly warmUpMillis: number
    }
    readonly output: Measured
  }
  readonly lease: { readonly input: { readonly count: number }; readonly output: Leased }
  /** Opens sessions of its own, holds all of them at once, closes them. Milliseconds until they were held. */
  readonly connect: { readonly input: Target; readonly output: number }
  /** Opens sessions of its own and leaves them alone. */
  readonly idle: { readonly input: Target & { readonly millis: number }; readonly output: Idle }
}

export type Name = keyof Commands

/** A command on its way. JSON would lose the dates of rows: the channel uses the structured clone algorithm. */
export interface Asked<N extends Name = Name> {
  readonly id: number
  readonly name: N
  readonly input: Commands[N]["input"]
}

export type Answered =
  | { readonly id: number; readonly output: Commands[Name]["output"] }
  | { readonly id: number; readonly error: string }
