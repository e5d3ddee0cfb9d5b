/** One statement that shares a session: as a direct one, but it waits for a place on a lane and leaves its session to it. */
import type * as Cause from "effect/Cause"
import type { SqlError } from "effect/sql/SqlError"
import type { Answer, Session } from "../session/SessionOpener.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { DirectStatement, type StatementParts } from "./DirectStatement.ts"
import type { Lane } from "./Lane.ts"
import type { Holder } from "./core/Lease.ts"
import type { PoolRuntime } from "./PoolRuntime.ts"
import type { StatementPipeline } from "./StatementPipeline.ts"
import { costOf, stopped, took } from "./StatementSpeed.ts"

export class SharedStatement extends DirectStatement {
  declare previous: SharedStatement | undefined
  declare next: SharedStatement | undefined
  /** Milliseconds that those behind it are expected to wait for it. */
  readonly cost: number
  private lane: Lane | undefined = undefined
  private place = 0
  private isLeft = false

  constructor(runtime: PoolRuntime, holder: Holder, parts: StatementParts) {
    super(runtime, holder, parts)
    this.cost = parts.speed === undefined ? 0 : costOf(parts.speed)
  }

  private get pipeline(): StatementPipeline {
    return this.runtime.pipeline
  }

  override run(): void {
    const refused = this.pipeline.add(this)
    if (refused !== undefined) this.refuse(refused)
  }

  /** Goes on its way with a lane. */
  travel(lane: Lane, session: Session, now: number): void {
    const { core } = this.runtime
    core.counters.acquired[lane.waited ? "waited" : "immediate"]++
    core.waitTime.recordMillis(lane.waited ? now - this.enqueuedAt : 0)
    this.state = "held"
    this.since = now
    this.lane = lane
    this.place = lane.written
    const asked = session.start(this, now, this, true)
    if (this.lane === lane) this.asked = asked
  }

  override told(answer: Answer, now: number): void {
    const lane = this.ended(now, took)
    if (!this.isLeft) this.finish(answer)
    lane?.endIfOver()
  }

  override refused(cause: Cause.Cause<SqlError>): void {
    const lane = this.ended(this.runtime.now(), stopped)
    if (!this.isLeft) this.fail(cause)
    lane?.endIfOver()
  }

  /**
   * It leaves its lane. How long the server had it is learned: since the one ahead was answered, but without the way there
   * and back, which is in the time since it was written.
   */
  private ended(now: number, learn: typeof took): Lane | undefined {
    const { lane, speed } = this
    this.lane = undefined
    this.asked = undefined
    this.state = "over"
    const sinceWritten = now - this.since
    const sinceLast = lane?.answered(now, !this.isLeft, this.cost) ?? 0
    const millis = Math.min(sinceLast, this.pipeline.speed.onServer(sinceWritten))
    if (speed !== undefined) learn(speed, millis)
    if (!this.isLeft) this.runtime.core.useTime.recordMillis(sinceWritten)
    return lane
  }

  override letGo(): void {
    if (this.state === "waiting") this.pipeline.remove(this)
    const { asked, lane } = this
    this.isLeft = true
    this.state = "over"
    if (lane === undefined) return
    const now = this.runtime.now()
    this.runtime.core.useTime.recordMillis(now - this.since)
    lane.left((session) => {
      if (asked === undefined) return
      if (this.speed !== undefined) stopped(this.speed, lane.millisOf(this.place, now))
      session.abandon(asked)
    })
  }

  refuse(refusal: SessionError): void {
    this.state = "over"
    super.woken(refusal)
  }
}
