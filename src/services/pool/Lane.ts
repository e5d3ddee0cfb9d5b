/** The lease of one session that several callers share, for as long as it takes to answer them. */
import type { Session } from "../session/SessionOpener.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { type Holder, Lease } from "./core/Lease.ts"
import { giveBack } from "./Acquire.ts"
import type { SharedStatement } from "./SharedStatement.ts"
import type { StatementPipeline } from "./StatementPipeline.ts"

/** How much time of the server's may be on its way on one session: what a newcomer waits at the most, if all goes well. */
const MOST_MILLIS = 10

/** A lane that has not been answered for longer than a round trip and this much takes nobody else along. */
const STALLED_MILLIS = 5

/** A lane ends after that time even under load that never ends, so that its session can be looked after. */
const LIFE_MILLIS = 1000

/** Who holds a shared session, as the ledger tells it. */
const SEVERAL: Holder = { id: 0, name: "several callers", cache: { span: undefined } }

export class Lane extends Lease<Session> {
  /** Whether it stood in the queue for its session. */
  waited = false
  /** Statements written so far. */
  written = 0
  private readonly pipeline: StatementPipeline
  /** Those answered, and those that somebody waits for. */
  private done = 0
  private awaited = 0
  private answeredAt = 0
  private bornAt = 0
  /** Milliseconds of the server's time that those on their way are expected to take. */
  private expected = 0
  /** One that cannot be sent ends at once: while others are still to be written, that is not the end of the lane. */
  private isFilling = false

  constructor(pipeline: StatementPipeline) {
    super(SEVERAL)
    this.pipeline = pipeline
  }

  override get isShared(): boolean {
    return true
  }

  /** Statements written and not answered. */
  get onItsWay(): number {
    return this.written - this.done
  }

  override woken(refusal: SessionError | undefined): void {
    const now = this.pipeline.runtime.now()
    this.waited = true
    if (refusal !== undefined) this.pipeline.refused(this, refusal, now)
    // Everybody it stood for may have left in the moment before.
    else if (this.state === "held") this.pipeline.granted(this, now)
  }

  /** Writes what waits, up to the depth; gives the session back when nothing does. */
  fill(now: number): void {
    const session = this.slot?.session
    if (session === undefined) return
    this.answeredAt = this.bornAt = now
    this.isFilling = true
    for (let room = this.pipeline.depth; room > 0 && session.lost === undefined; room--) {
      const statement = this.pipeline.next()
      if (statement === undefined) break
      this.carry(statement, session, now)
    }
    this.isFilling = false
    this.endIfOver()
  }

  /** Takes one more along; false when there is no room for it, or it would wait too long. */
  join(statement: SharedStatement, now: number): boolean {
    const session = this.slot?.session
    if (session === undefined || session.lost !== undefined || this.isFilling || this.awaited === 0) return false
    if (this.onItsWay >= this.pipeline.depth || this.expected + statement.cost > MOST_MILLIS) return false
    if (now - this.answeredAt > this.pipeline.speed.roundTrip + STALLED_MILLIS) return false
    if (now - this.bornAt > LIFE_MILLIS) return false
    if (this.onItsWay === 0) this.answeredAt = now
    this.isFilling = true
    this.carry(statement, session, now)
    this.isFilling = false
    this.endIfOver()
    return true
  }

  private carry(statement: SharedStatement, session: Session, now: number): void {
    this.awaited++
    this.expected += statement.cost
    statement.travel(this, session, now)
    this.written++
  }

  /** A statement was answered; says how long the server had it. */
  answered(now: number, isAwaited: boolean, cost: number): number {
    const millis = now - this.answeredAt
    this.expected = Math.max(0, this.expected - cost)
    this.answeredAt = now
    this.done++
    if (isAwaited) this.awaited--
    return millis
  }

  /** How long the server has had the statement at that place: no time while others are before it. */
  millisOf(place: number, now: number): number {
    return place === this.done ? now - this.answeredAt : 0
  }

  /** One caller left. The last one takes the statements along; before that they are the neighbours', too. */
  left(end: (session: Session) => void): void {
    this.awaited--
    const session = this.slot?.session
    if (this.awaited === 0 && !this.isFilling && session !== undefined) end(session)
    this.endIfOver()
  }

  /** What is still on its way when nobody waits any more is ended by the pool before it lends the session again. */
  endIfOver(): void {
    if (this.isFilling || this.awaited > 0 || this.state !== "held") return
    this.pipeline.ended(this)
    giveBack(this.pipeline.runtime, this, this.pipeline.runtime.now())
  }
}
