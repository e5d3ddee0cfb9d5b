/**
 * Independent statements of many callers on shared sessions, several in one write.
 *
 * What is asked in one turn of the event loop is gathered. It joins sessions that are at work already, as far as depth
 * and time allow, then takes idle ones: fewer sessions at work means fewer and fuller packets both ways. A session shared
 * like that is lent once for all, to a lane, through the same queue as every other borrower: while one of those waits,
 * lanes take nobody along, so that they come free. Nobody is overtaken.
 */
import type { SessionError } from "../errors/SessionError.ts"
import type { PoolHost } from "./PoolHost.ts"
import { WaitQueue } from "./core/WaitQueue.ts"
import type { Session } from "../session/Session.ts"
import { type Holder, Lease } from "./core/Lease.ts"
import { release } from "./Acquire.ts"
import type * as Cause from "effect/Cause"
import type { SqlError } from "effect/sql/SqlError"
import type { QueryResult } from "../wire/query/Query.ts"
import { DirectStatement, type StatementOptions, type Transform } from "./DirectStatement.ts"
import * as Effect from "effect/Effect"
import type { Row } from "@effect/sql-pg/PgConnection"

/** As many statements as sql-pg's own pipelining puts on one connection by default. */
const DEFAULT_DEPTH = 32

const byLoad = (one: SharedSession, other: SharedSession): number => one.inFlight - other.inFlight

export class StatementPipeline {
  readonly host: PoolHost
  /** The most statements on one session at once. */
  readonly depth: number
  private readonly pending = new WaitQueue<SharedStatement>()
  /** Lanes that wait for a session in the pool's own queue: never more than the statements need. */
  private readonly queued: Array<SharedSession> = []
  /** Lanes on which statements are on their way. */
  private readonly busy: Array<SharedSession> = []
  private isScheduled = false
  /** When the first of those was asked that are looked at together. */
  private gatheredAt = 0

  /** A depth of 0 says that the settings name none. */
  constructor(host: PoolHost, depth: number) {
    this.host = host
    this.depth = depth === 0 ? DEFAULT_DEPTH : depth
  }

  /** Callers that wait beyond those in the pool's own queue, where their lanes stand. */
  get waiting(): number {
    return this.pending.size - this.queued.length
  }

  /** Takes a statement; a refusal is returned. */
  add(statement: SharedStatement): SessionError | undefined {
    const { core } = this.host
    if (core.waiters.size + this.waiting >= core.limits.maxWaiting) return core.reject("queue-full", statement)
    if (!this.isScheduled) {
      this.isScheduled = true
      this.gatheredAt = this.host.now()
      process.nextTick(this.flush)
    }
    statement.state = "waiting"
    statement.enqueuedAt = this.gatheredAt
    statement.deadline = this.gatheredAt + this.host.acquireMillis
    this.pending.push(statement)
    return undefined
  }

  /** A caller gave up before its statement was written. */
  remove(statement: SharedStatement): void {
    this.pending.remove(statement)
    this.host.core.counters.acquired.abandoned++
    this.trim(this.host.now())
  }

  /** The next statement for a lane. */
  next(): SharedStatement | undefined {
    return this.pending.shift()
  }

  /** A lane got its session. */
  acquired(lane: SharedSession, now: number): void {
    this.queued.splice(this.queued.indexOf(lane), 1)
    this.start(lane, now)
    this.flush()
  }

  /** A lane is refused: whose time is up hears of it, or everybody when it is no matter of time. */
  rejected(lane: SharedSession, refusal: SessionError, now: number): void {
    const at = this.queued.indexOf(lane)
    if (at < 0) return
    this.queued.splice(at, 1)
    const isLate = refusal.reason._tag === "AcquireTimeout"
    for (let first = this.pending.first; first !== undefined; first = this.pending.first) {
      if (isLate && first.deadline > now) break
      this.pending.remove(first)
      first.rejectWith(this.errorFor(first, refusal))
    }
    this.flush()
  }

  /** A lane is over. */
  released(lane: SharedSession): void {
    const at = this.busy.indexOf(lane)
    if (at >= 0) this.busy.splice(at, 1)
  }

  private start(lane: SharedSession, now: number): void {
    this.busy.push(lane)
    lane.writePending(now)
  }

  /** What is gathered goes into one write, on the session that has least to do; one that is held up gets no more. */
  private joinBusy(now: number): void {
    for (const lane of this.busy.toSorted(byLoad)) {
      for (let first = this.pending.first; first !== undefined; first = this.pending.first) {
        this.pending.remove(first)
        if (lane.tryAdd(first, now)) continue
        this.pending.unshift(first)
        break
      }
    }
  }

  private readonly flush = (): void => {
    this.isScheduled = false
    const { core } = this.host
    const now = this.host.now()
    // On a session that is at work already the server answers in fewer pieces. But while others than our lanes wait for a
    // session, those at work take nobody along, so that they come free.
    if (core.waiters.size === this.queued.length) this.joinBusy(now)
    while (this.pending.size > 0) {
      const lane = new SharedSession(this)
      if (!core.tryAcquire(lane, now)) break
      this.start(lane, now)
    }
    this.trim(now)
    while (this.queued.length * this.depth < this.pending.size) {
      const lane = new SharedSession(this)
      const { deadline } = this.pending.first!
      this.queued.push(lane)
      const refusal = core.enqueue(lane, now, deadline)
      if (refusal === undefined) {
        this.host.armForWaiter(deadline, now)
      } else if (refusal.reason._tag === "QueueFull" && this.queued.length > 1) {
        // Who was let in waits for the lanes that stand already.
        this.queued.pop()
        return
      } else {
        return this.rejected(lane, refusal, now)
      }
    }
  }

  /** Lanes that nobody needs any more leave the queue, the last first; the others have as long as who waits longest. */
  private trim(now: number): void {
    while (this.queued.length > 0 && (this.queued.length - 1) * this.depth >= this.pending.size) {
      this.host.core.release(this.queued.pop()!, now)
    }
    for (const lane of this.queued) lane.deadline = this.pending.first!.deadline
  }

  /** Each statement is counted and told for itself: a lane stands for many. */
  private errorFor(statement: SharedStatement, refusal: SessionError): SessionError {
    const { core } = this.host
    switch (refusal.reason._tag) {
      case "AcquireTimeout":
        return core.reject("timeout", statement)
      case "QueueFull":
        return core.reject("queue-full", statement)
      case "PoolClosed":
        return core.reject("closed", statement)
      default:
        core.counters.acquired.failed++
        return refusal
    }
  }
}

/** How much time of the server's may be on its way on one session: what a newcomer waits at the most, if all goes well. */
const MAX_QUEUED_MILLIS = 10

/** A lane that has not been answered for longer than a round trip and this much takes nobody else along. */
const STALLED_MILLIS = 5

/** A lane ends after that time even under load that never ends, so that its session can be looked after. */
const MAX_LIFETIME_MILLIS = 1000

/** Who holds a shared session, as the ledger tells it. */
const SHARED_HOLDER: Holder = { id: 0, name: "several callers", cache: { span: undefined } }

export class SharedSession extends Lease<Session> {
  /** Whether it stood in the queue for its session. */
  waited = false
  /** Statements written so far. */
  written = 0
  private readonly pipeline: StatementPipeline
  /** Those answered, and those that somebody waits for. */
  private answeredCount = 0
  private waitingCallers = 0
  private answeredAt = 0
  private startedAt = 0
  /** Milliseconds of the server's time that those on their way are expected to take. */
  private expectedMillis = 0
  /** One that cannot be sent ends at once: while others are still to be written, that is not the end of the lane. */
  private isWriting = false

  constructor(pipeline: StatementPipeline) {
    super(SHARED_HOLDER)
    this.pipeline = pipeline
  }

  override get isShared(): boolean {
    return true
  }

  /** Statements written and not answered. */
  get inFlight(): number {
    return this.written - this.answeredCount
  }

  override wake(refusal: SessionError | undefined): void {
    const now = this.pipeline.host.now()
    this.waited = true
    if (refusal !== undefined) this.pipeline.rejected(this, refusal, now)
    // Everybody it stood for may have left in the moment before.
    else if (this.state === "held") this.pipeline.acquired(this, now)
  }

  /** Writes what waits, up to the depth; gives the session back when nothing does. */
  writePending(now: number): void {
    const session = this.slot?.session
    if (session === undefined) return
    this.answeredAt = this.startedAt = now
    this.isWriting = true
    for (let room = this.pipeline.depth; room > 0 && session.lost === undefined; room--) {
      const statement = this.pipeline.next()
      if (statement === undefined) break
      this.write(statement, session, now)
    }
    this.isWriting = false
    this.releaseIfDone()
  }

  /** Takes one more along; false when there is no room for it, or it would wait too long. */
  tryAdd(statement: SharedStatement, now: number): boolean {
    const session = this.slot?.session
    if (session === undefined || session.lost !== undefined || this.isWriting || this.waitingCallers === 0) return false
    if (this.inFlight >= this.pipeline.depth || this.expectedMillis + statement.cost > MAX_QUEUED_MILLIS) return false
    if (now - this.answeredAt > this.pipeline.host.times.roundTrip + STALLED_MILLIS) return false
    if (now - this.startedAt > MAX_LIFETIME_MILLIS) return false
    if (this.inFlight === 0) this.answeredAt = now
    this.isWriting = true
    this.write(statement, session, now)
    this.isWriting = false
    this.releaseIfDone()
    return true
  }

  private write(statement: SharedStatement, session: Session, now: number): void {
    this.waitingCallers++
    this.expectedMillis += statement.cost
    statement.writeTo(this, session, now)
    this.written++
  }

  /** A statement was answered; says how long the server had it. */
  onAnswered(now: number, isAwaited: boolean, cost: number): number {
    const millis = now - this.answeredAt
    this.expectedMillis = Math.max(0, this.expectedMillis - cost)
    this.answeredAt = now
    this.answeredCount++
    if (isAwaited) this.waitingCallers--
    return millis
  }

  /** How long the server has had the statement at that place: no time while others are before it. */
  serverMillisOf(place: number, now: number): number {
    return place === this.answeredCount ? now - this.answeredAt : 0
  }

  /** One caller left. The last one takes the statements along; before that they are the neighbours', too. */
  callerLeft(end: (session: Session) => void): void {
    this.waitingCallers--
    const session = this.slot?.session
    if (this.waitingCallers === 0 && !this.isWriting && session !== undefined) end(session)
    this.releaseIfDone()
  }

  /** What is still on its way when nobody waits any more is ended by the pool before it lends the session again. */
  releaseIfDone(): void {
    if (this.isWriting || this.waitingCallers > 0 || this.state !== "held") return
    this.pipeline.released(this)
    release(this.pipeline.host, this, this.pipeline.host.now())
  }
}

/** One statement that shares a session: as a direct one, but it waits for a place on a lane and leaves its session to it. */
export class SharedStatement extends DirectStatement {
  declare previous: SharedStatement | undefined
  declare next: SharedStatement | undefined
  /** Milliseconds that those behind it are expected to wait for it. */
  readonly cost: number
  private readonly pipeline: StatementPipeline
  private shared: SharedSession | undefined = undefined
  private position = 0
  private isInterrupted = false

  constructor(pipeline: StatementPipeline, holder: Holder, parts: StatementOptions) {
    super(pipeline.host, holder, parts)
    this.pipeline = pipeline
    this.cost = parts.facts?.cost ?? 0
  }

  override run(): void {
    const refused = this.pipeline.add(this)
    if (refused !== undefined) this.rejectWith(refused)
  }

  /** Goes on its way with a lane. */
  writeTo(lane: SharedSession, session: Session, now: number): void {
    const { core } = this.host
    core.counters.acquired[lane.waited ? "waited" : "immediate"]++
    core.waitTime.recordMillis(lane.waited ? now - this.enqueuedAt : 0)
    this.state = "held"
    this.since = now
    this.shared = lane
    this.position = lane.written
    const asked = session.start(this, now, this, true)
    if (this.shared === lane) this.handle = asked
  }

  override onSuccess(answer: QueryResult, now: number): void {
    const lane = this.leaveSession(now, true)
    if (!this.isInterrupted) this.finish(answer)
    lane?.releaseIfDone()
  }

  override onFailure(cause: Cause.Cause<SqlError>): void {
    const lane = this.leaveSession(this.host.now(), false)
    if (!this.isInterrupted) this.fail(cause)
    lane?.releaseIfDone()
  }

  /**
   * It leaves its lane. How long the server had it is learned: since the one ahead was answered, but without the way there
   * and back, which is in the time since it was written.
   */
  private leaveSession(now: number, succeeded: boolean): SharedSession | undefined {
    const { facts, shared: lane } = this
    this.shared = undefined
    this.handle = undefined
    this.state = "over"
    const sinceWritten = now - this.since
    const sinceLast = lane?.onAnswered(now, !this.isInterrupted, this.cost) ?? 0
    const millis = Math.min(sinceLast, this.host.times.onServer(sinceWritten))
    if (succeeded) facts?.succeeded(millis)
    else facts?.stopped(millis)
    if (!this.isInterrupted) this.host.core.useTime.recordMillis(sinceWritten)
    return lane
  }

  override interrupt(): void {
    if (this.state === "waiting") this.pipeline.remove(this)
    const { handle: asked, shared: lane } = this
    this.isInterrupted = true
    this.state = "over"
    if (lane === undefined) return
    const now = this.host.now()
    this.host.core.useTime.recordMillis(now - this.since)
    lane.callerLeft((session) => {
      if (asked === undefined) return
      this.facts?.stopped(lane.serverMillisOf(this.position, now))
      session.cancelQuery(asked)
    })
  }

  rejectWith(refusal: SessionError): void {
    this.state = "over"
    super.wake(refusal)
  }
}

/** Runs one statement for a holder, outside of transactions, failing in the words of Effect SQL. */
export type RunStatement = (
  holder: Holder,
  sql: string,
  params: ReadonlyArray<unknown>,
  options?: { readonly transform?: Transform; readonly isShared?: boolean | undefined }
) => Effect.Effect<ReadonlyArray<Row>, SqlError>

export const runStatement =
  (pipeline: StatementPipeline): RunStatement =>
  (holder, sql, params, options) =>
    Effect.callback<ReadonlyArray<Row>, SqlError>((resume) => {
      const { host } = pipeline
      const mayShare = options?.isShared ?? host.config.pool.pipeline > 0
      const facts = mayShare ? host.times.statements.get(sql) : undefined
      const parts = { sql, params, transform: options?.transform, facts, resume }
      const statement =
        facts?.isQuick === true
          ? new SharedStatement(pipeline, holder, parts)
          : new DirectStatement(host, holder, parts)
      statement.run()
      return Effect.sync(() => statement.interrupt())
    })
