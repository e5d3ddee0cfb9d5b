/**
 * Which statements are known to be quick: only those share a session with others.
 *
 * A text is looked at once and timed whenever it runs. One that nobody knows yet runs alone, and so does one that has
 * turned out slow, until it is quick again. The average is of magnitudes (a geometric mean): a machine that is busy for a
 * moment does not make a quick statement slow, one that is slow every other time is.
 */
import { taintOf, operationOf } from "../stats/StatementText.ts"

/** A neighbour may lose so much by a statement ahead of it: a few round trips to a database in the same region. */
const QUICK_MILLIS = 10

const QUICK = Math.log2(QUICK_MILLIS)

/** How much of the average the last run decides: three runs of a second in a row make a quick statement slow. */
const WEIGHT = 0.2

/** How many texts are remembered; beyond it the memory starts anew, so that generated SQL cannot fill it. */
const MAX_REMEMBERED = 2000

/** Statements that end with themselves: no transaction, no setting, no cursor outlives them. */
const INDEPENDENT = new Set(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES"])

/** What a statement that takes no time to speak of is taken to cost those behind it, in milliseconds. */
const LEAST_MILLIS = 0.1

/** What is known of one text. */
export interface Speed {
  /** Binary logarithm of the milliseconds it takes; nothing is told apart below one. Undefined before the first run. */
  magnitude: number | undefined
  readonly mayShare: boolean
}

export class StatementSpeed {
  /** The shortest way to the server and back, in milliseconds; no statement can be blamed for it. */
  roundTrip = Number.POSITIVE_INFINITY
  private speeds = new Map<string, Speed>()

  /** How much of the time a statement took was the server's. */
  onServer(millis: number): number {
    if (millis < this.roundTrip) this.roundTrip = millis
    return millis - this.roundTrip
  }

  /** What is known of a text, to be asked and told. */
  of(sql: string): Speed {
    let speed = this.speeds.get(sql)
    if (speed === undefined) {
      if (this.speeds.size >= MAX_REMEMBERED) this.speeds = new Map()
      speed = { magnitude: undefined, mayShare: mayShare(sql) }
      this.speeds.set(sql, speed)
    }
    return speed
  }
}

const mayShare = (sql: string): boolean => INDEPENDENT.has(operationOf(sql)) && taintOf(sql) === "clean"

/** Whether such a statement may share a session. */
export const isQuick = (speed: Speed): boolean =>
  speed.mayShare && speed.magnitude !== undefined && speed.magnitude <= QUICK

/** Such a statement took so long on the server. */
export const took = (speed: Speed, millis: number): void => {
  const magnitude = millis <= 1 ? 0 : Math.log2(millis)
  const average = speed.magnitude
  if (average !== magnitude)
    speed.magnitude = average === undefined ? magnitude : average + WEIGHT * (magnitude - average)
}

/** It failed, or nobody waited for it any more, after so long: that may say that it is slow, but never that it is quick. */
export const stopped = (speed: Speed, millis: number): void => {
  if (millis > QUICK_MILLIS) took(speed, millis)
}

/** How long those behind such a statement wait for it, as far as is known, in milliseconds: it grows without a step. */
export const costOf = ({ magnitude }: Speed): number =>
  magnitude === undefined ? LEAST_MILLIS : 2 ** magnitude - 1 + LEAST_MILLIS
