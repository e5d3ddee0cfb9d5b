/** The commands between the parent and a contender's process, with their input and output. */
import type { LoopFigures, Target } from "./Contender.ts"
import type { Operation, Rows } from "./Operation.ts"

export interface Memory {
  /** Bytes of the process in memory. */
  readonly rss: number
  /** Bytes of the JavaScript heap in use after a collection. */
  readonly heap: number
}

export interface LoopResult extends LoopFigures {
  readonly cpuMicros: number
  /** Peak resident memory of the process so far, in bytes. */
  readonly peakRss: number
}

export interface BurstResult {
  readonly millis: number
  readonly idle: Memory
  /** Peak resident memory during the burst, in bytes. */
  readonly peakRss: number
  /** Time at which 99 % of the statements had completed, in milliseconds. */
  readonly p99: number
  /** How many positions away from submission order a statement completed: 99th percentile and maximum. */
  readonly displaced: { readonly p99: number; readonly most: number }
}

export interface LeaseCost {
  readonly seconds: number
  readonly cpuMicros: number
  /** Growth of the JavaScript heap, in bytes. */
  readonly heapGrowth: number
}

export interface IdleCost {
  readonly cpuMicros: number
  readonly before: Memory
  readonly after: Memory
}

/** Input and output by command name. */
export interface Commands {
  readonly open: { readonly input: Target; readonly output: null }
  readonly close: { readonly input: null; readonly output: null }
  readonly runOnce: { readonly input: { readonly operation: Operation; readonly key: number }; readonly output: Rows }
  readonly measure: {
    readonly input: { readonly operation: Operation; readonly callers: number; readonly millis: number }
    readonly output: LoopResult
  }
  readonly burst: { readonly input: { readonly count: number }; readonly output: BurstResult }
  /** Like `measure`, with new sessions that are closed afterwards. */
  readonly measureNewSessions: {
    readonly input: Target & Commands["measure"]["input"]
    readonly output: LoopResult
  }
  /**
   * Like `measureNewSessions`, but once the statements are prepared, replies are made up in the process instead of being
   * read from sockets. Warms up with `warmUpOperations` operations, for at most `warmUpMillis`.
   */
  readonly measureCanned: {
    readonly input: Commands["measureNewSessions"]["input"] & {
      readonly warmUpOperations: number
      readonly warmUpMillis: number
    }
    readonly output: LoopResult
  }
  readonly lease: { readonly input: { readonly count: number }; readonly output: LeaseCost }
  /** Opens new sessions, holds all of them at once and closes them. Returns the milliseconds until all were held. */
  readonly connect: { readonly input: Target; readonly output: number }
  /** Opens new sessions and leaves them idle. */
  readonly idle: { readonly input: Target & { readonly millis: number }; readonly output: IdleCost }
}

export type Name = keyof Commands

/** One command. The channel uses the structured clone algorithm, because JSON would lose the dates of rows. */
export interface CommandRequest<N extends Name = Name> {
  readonly id: number
  readonly name: N
  readonly input: Commands[N]["input"]
}

export type CommandResponse =
  | { readonly id: number; readonly output: Commands[Name]["output"] }
  | { readonly id: number; readonly error: string }
