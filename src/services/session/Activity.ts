/** What a session is running, and which state its statements leave behind; updated per statement. */
import type { WireTap } from "../wire/WireTap.ts"
import type { StatementCache } from "../stats/StatementCache.ts"
import { strongerTaint, type Taint, taintOf } from "../stats/StatementText.ts"

export class Activity {
  /** The text of the statement that runs, or ran last. */
  statement: string | undefined = undefined
  /** Statements sent and not answered yet. */
  inFlight = 0
  /** Monotonic milliseconds since when statements are in flight; 0 while none is. */
  busySince = 0
  /** When those in flight, or the last ones, started; unlike `busySince` it is kept. */
  startedAt = 0
  /** Messages received when they started. */
  messagesBefore = 0
  taint: Taint = "clean"
  /** The pool's facts about statement texts; without a pool each text is examined. */
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
      // Changes reported while idle are the pooler's heartbeat, not the effect of a statement.
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

  /** How long statements have been in flight, in milliseconds; 0 while none is. */
  busyMillis(now: number): number {
    return this.busySince > 0 ? now - this.busySince : 0
  }

  addTaint(taint: Taint): void {
    this.taint = strongerTaint(this.taint, taint)
  }

  /** Counts nothing as in flight any more. */
  clear(): void {
    this.inFlight = 0
    this.busySince = 0
  }
}
