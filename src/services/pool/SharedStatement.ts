/** One statement that shares a session: as a direct one, but it waits for a place on a lane and leaves its session to it. */
import type * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import type { Answer, Session } from "../Session.ts"
import type { SessionError } from "../SessionError.ts"
import { DirectStatement, type StatementParts } from "./DirectStatement.ts"
import type { Holder } from "./Lease.ts"
import { took } from "./StatementSpeed.ts"
import type { Lane, StatementPipeline } from "./StatementPipeline.ts"

export class SharedStatement extends DirectStatement {
  declare previous: SharedStatement | undefined
  declare next: SharedStatement | undefined
  private readonly pipeline: StatementPipeline
  private lane: Lane | undefined = undefined
  private isLeft = false

  constructor(pipeline: StatementPipeline, holder: Holder, parts: StatementParts) {
    super(pipeline.runtime, holder, parts)
    this.pipeline = pipeline
  }

  override run(): void {
    const refused = this.pipeline.add(this, this.runtime.now())
    if (refused !== undefined) this.refuse(refused)
  }

  /** Goes on its way with a lane. */
  travel(lane: Lane, session: Session, now: number): void {
    const waited = now - this.enqueuedAt
    const { core } = this.runtime
    core.counters.acquired[waited > 0 ? "waited" : "immediate"]++
    core.waitTime.recordMillis(waited)
    this.state = "held"
    this.since = now
    this.lane = lane
    const asked = session.start(this.parts.question, now, this, true)
    if (this.lane !== undefined) this.asked = asked
  }

  override told(exit: Exit.Exit<Answer, SqlError>): void {
    const now = this.runtime.now()
    const { lane } = this
    this.lane = undefined
    this.asked = undefined
    this.state = "over"
    this.runtime.core.useTime.recordMillis(now - this.since)
    const millis = lane?.answered(now, !this.isLeft) ?? 0
    const { speed } = this.parts
    if (speed !== undefined && exit._tag === "Success") took(speed, millis)
    if (!this.isLeft) this.finish(exit)
    lane?.ended()
  }

  override letGo(): void {
    if (this.state === "waiting") this.pipeline.remove(this)
    const { asked, lane } = this
    this.isLeft = true
    this.state = "over"
    lane?.left((session) => {
      if (asked !== undefined) session.abandon(asked)
    })
  }

  refuse(refusal: SessionError): void {
    this.state = "over"
    super.woken(refusal)
  }
}
