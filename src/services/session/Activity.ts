/** What a session is doing and what that leaves behind: written per statement, read by whoever looks at the session. */
import type { WireTap } from "../wire/WireTap.ts"
import type { StatementCache } from "../stats/StatementCache.ts"
import { strongerTaint, type Taint, taintOf } from "../stats/StatementText.ts"

export class Activity {
  /** The text of the statement that runs, or ran last. */
  statement: string | undefined = undefined
  /** Statements asked and not answered yet. */
  inFlight = 0
  /** Monotonic milliseconds since when there are any; 0 while there are none. */
  busySince = 0
  /** When those in flight, or the last ones, began; unlike `busySince` it is kept. */
  startedAt = 0
  /** Messages heard when they began. */
  messagesBefore = 0
  taint: Taint = "clean"
  /** What the pool knows of statement texts; without a pool each text is examined. */
  texts: StatementCache | undefined = undefined
  private parameterChanges: number
  private readonly tap: WireTap

  constructor(tap: WireTap) {
    this.tap = tap
    this.parameterChanges = tap.parameterChanges
  }

  begin(sql: string, now: number): void {
    this.statement = sql
    if (this.inFlight++ === 0) {
      this.busySince = this.startedAt = now
      // Changes reported while idle are the pooler's heartbeat, not the doing of a statement.
      this.parameterChanges = this.tap.parameterChanges
      this.messagesBefore = this.tap.messages
    }
    const taint = this.texts === undefined ? taintOf(sql) : this.texts.get(sql).taint
    if (taint !== "clean") this.addTaint(taint)
  }

  end(): void {
    if (this.inFlight === 0 || --this.inFlight > 0) return
    this.busySince = 0
    if (this.tap.parameterChanges !== this.parameterChanges) this.addTaint("reset")
  }

  /** How long anything has been in flight, in milliseconds; 0 while nothing is. */
  busyMillis(now: number): number {
    return this.busySince > 0 ? now - this.busySince : 0
  }

  addTaint(taint: Taint): void {
    this.taint = strongerTaint(this.taint, taint)
  }

  /** Nothing is in flight any more, whatever was counted. */
  clear(): void {
    this.inFlight = 0
    this.busySince = 0
  }
}
