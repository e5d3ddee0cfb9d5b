/**
 * Independent statements of many callers on shared sessions, several in one write.
 *
 * What is asked in one turn of the event loop is gathered and put on idle sessions, as many statements on each as the
 * depth allows. A session shared like that is lent once for all of them, to a lane, through the same queue as every
 * other borrower: nobody is overtaken. The lane takes no more until all are answered.
 */
import type { Session } from "../Session.ts"
import type { SessionError } from "../SessionError.ts"
import { type Holder, Lease } from "./Lease.ts"
import { giveBack } from "./Lending.ts"
import type { SharedStatement } from "./SharedStatement.ts"
import type { PoolRuntime } from "./PoolRuntime.ts"
import { StatementSpeed } from "./StatementSpeed.ts"
import { Waiters } from "./Waiters.ts"

/** As many statements as sql-pg's own pipelining puts on one connection by default. */
const DEFAULT_DEPTH = 32

export class StatementPipeline {
  readonly speed = new StatementSpeed()
  readonly runtime: PoolRuntime
  /** The most statements on one session at once. */
  readonly depth: number
  private readonly pending = new Waiters<SharedStatement>()
  /** Lanes that wait for a session. */
  private requested = 0
  private isScheduled = false

  /** A depth of 0 says that the settings name none. */
  constructor(runtime: PoolRuntime, depth: number) {
    this.runtime = runtime
    this.depth = depth === 0 ? DEFAULT_DEPTH : depth
  }

  /** Callers that wait beyond those in the pool's own queue, where their lanes stand. */
  get waiting(): number {
    return this.pending.size - Math.min(this.requested, this.pending.size)
  }

  /** Takes a statement; a refusal is returned. */
  add(statement: SharedStatement, now: number): SessionError | undefined {
    const { core } = this.runtime
    if (core.waiters.size + this.pending.size >= core.limits.maxWaiting) return core.refuse("queue-full", statement)
    statement.state = "waiting"
    statement.enqueuedAt = now
    statement.deadline = now + this.runtime.acquireMillis
    this.pending.push(statement)
    if (!this.isScheduled) {
      this.isScheduled = true
      process.nextTick(this.flush)
    }
    return undefined
  }

  /** A caller gave up before its statement was written. */
  remove(statement: SharedStatement): void {
    this.pending.remove(statement)
    this.runtime.core.counters.acquired.abandoned++
  }

  /** The next statement for a lane. */
  next(): SharedStatement | undefined {
    return this.pending.shift()
  }

  /** A lane got its session. */
  granted(): void {
    this.requested--
  }

  /** A lane is refused: whose time is up hears of it, or everybody when it is no matter of time. */
  refused(refusal: SessionError, now: number): void {
    this.requested--
    const isLate = refusal.reason._tag === "AcquireTimeout"
    for (let first = this.pending.first; first !== undefined; first = this.pending.first) {
      if (isLate && first.deadline > now) break
      this.pending.remove(first)
      first.refuse(refusal)
    }
    this.flush()
  }

  private readonly flush = (): void => {
    this.isScheduled = false
    const { core } = this.runtime
    const now = this.runtime.now()
    while (this.pending.size > 0) {
      const lane = new Lane(this)
      if (!core.take(lane, now)) break
      lane.fill(now)
    }
    while (this.requested * this.depth < this.pending.size) {
      this.requested++
      const { deadline } = this.pending.first!
      const refusal = core.enqueue(new Lane(this), now, deadline)
      if (refusal !== undefined) return this.refused(refusal, now)
      this.runtime.arm(deadline)
    }
  }
}

/** Who holds a shared session, as the ledger tells it. */
const SEVERAL: Holder = { id: 0, name: "several callers", cache: { span: undefined } }

/** The lease of one session that several callers share, for as long as it takes to answer them. */
export class Lane extends Lease<Session> {
  private readonly pipeline: StatementPipeline
  /** Statements written and not answered yet, and those of them that somebody waits for. */
  private inFlight = 0
  private awaited = 0
  private answeredAt = 0

  constructor(pipeline: StatementPipeline) {
    super(SEVERAL)
    this.pipeline = pipeline
  }

  override get isShared(): boolean {
    return true
  }

  override woken(refusal: SessionError | undefined): void {
    const now = this.pipeline.runtime.now()
    if (refusal !== undefined) return this.pipeline.refused(refusal, now)
    this.pipeline.granted()
    this.fill(now)
  }

  /** Writes what waits, up to the depth; gives the session back when nothing does. */
  fill(now: number): void {
    const session = this.slot?.session
    if (session === undefined) return
    this.answeredAt = now
    // Counted while they are written, because one that cannot be sent ends at once.
    this.inFlight++
    for (let room = this.pipeline.depth; room > 0; room--) {
      const statement = this.pipeline.next()
      if (statement === undefined) break
      this.inFlight++
      this.awaited++
      statement.travel(this, session, now)
    }
    this.ended()
  }

  /** A statement was answered; says how long the server had it. */
  answered(now: number, isAwaited: boolean): number {
    const millis = now - this.answeredAt
    this.answeredAt = now
    if (isAwaited) this.awaited--
    return millis
  }

  /** The answer was handed on. */
  ended(): void {
    if (--this.inFlight === 0) giveBack(this.pipeline.runtime, this, this.pipeline.runtime.now())
  }

  /** One caller left. The last one takes the statements along; before that they are the neighbours', too. */
  left(end: (session: Session) => void): void {
    this.awaited--
    const session = this.slot?.session
    if (this.awaited > 0 || session === undefined) return
    end(session)
    giveBack(this.pipeline.runtime, this, this.pipeline.runtime.now())
  }
}
