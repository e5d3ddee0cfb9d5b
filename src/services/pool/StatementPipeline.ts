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
import { giveBack } from "./Acquire.ts"
import type * as Cause from "effect/Cause"
import type { SqlError } from "effect/sql/SqlError"
import type { QueryResult } from "../wire/query/Query.ts"
import { DirectStatement, type StatementParts, type Transform } from "./DirectStatement.ts"
import * as Effect from "effect/Effect"
import type { Row } from "@effect/sql-pg/PgConnection"

/** As many statements as sql-pg's own pipelining puts on one connection by default. */
const DEFAULT_DEPTH = 32

const byLoad = (one: SharedSession, other: SharedSession): number => one.onItsWay - other.onItsWay

export class StatementPipeline {
  readonly host: PoolHost
  /** The most statements on one session at once. */
  readonly depth: number
  private readonly pending = new WaitQueue<SharedStatement>()
  /** Lanes that wait for a session in the pool's own queue: never more than the statements need. */
  private readonly lanes: Array<SharedSession> = []
  /** Lanes on which statements are on their way. */
  private readonly busy: Array<SharedSession> = []
  private isScheduled = false
  /** When the first of those was asked that are looked at together. */
  private turn = 0

  /** A depth of 0 says that the settings name none. */
  constructor(host: PoolHost, depth: number) {
    this.host = host
    this.depth = depth === 0 ? DEFAULT_DEPTH : depth
  }

  /** Callers that wait beyond those in the pool's own queue, where their lanes stand. */
  get waiting(): number {
    return this.pending.size - this.lanes.length
  }

  /** Takes a statement; a refusal is returned. */
  add(statement: SharedStatement): SessionError | undefined {
    const { core } = this.host
    if (core.waiters.size + this.waiting >= core.limits.maxWaiting) return core.refuse("queue-full", statement)
    if (!this.isScheduled) {
      this.isScheduled = true
      this.turn = this.host.now()
      process.nextTick(this.flush)
    }
    statement.state = "waiting"
    statement.enqueuedAt = this.turn
    statement.deadline = this.turn + this.host.acquireMillis
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
  granted(lane: SharedSession, now: number): void {
    this.lanes.splice(this.lanes.indexOf(lane), 1)
    this.start(lane, now)
    this.flush()
  }

  /** A lane is refused: whose time is up hears of it, or everybody when it is no matter of time. */
  refused(lane: SharedSession, refusal: SessionError, now: number): void {
    const at = this.lanes.indexOf(lane)
    if (at < 0) return
    this.lanes.splice(at, 1)
    const isLate = refusal.reason._tag === "AcquireTimeout"
    for (let first = this.pending.first; first !== undefined; first = this.pending.first) {
      if (isLate && first.deadline > now) break
      this.pending.remove(first)
      first.refuse(this.refusalOf(first, refusal))
    }
    this.flush()
  }

  /** A lane is over. */
  ended(lane: SharedSession): void {
    const at = this.busy.indexOf(lane)
    if (at >= 0) this.busy.splice(at, 1)
  }

  private start(lane: SharedSession, now: number): void {
    this.busy.push(lane)
    lane.fill(now)
  }

  /** What is gathered goes into one write, on the session that has least to do; one that is held up gets no more. */
  private joinBusy(now: number): void {
    for (const lane of this.busy.toSorted(byLoad)) {
      for (let first = this.pending.first; first !== undefined; first = this.pending.first) {
        this.pending.remove(first)
        if (lane.join(first, now)) continue
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
    if (core.waiters.size === this.lanes.length) this.joinBusy(now)
    while (this.pending.size > 0) {
      const lane = new SharedSession(this)
      if (!core.take(lane, now)) break
      this.start(lane, now)
    }
    this.trim(now)
    while (this.lanes.length * this.depth < this.pending.size) {
      const lane = new SharedSession(this)
      const { deadline } = this.pending.first!
      this.lanes.push(lane)
      const refusal = core.enqueue(lane, now, deadline)
      if (refusal === undefined) {
        this.host.armForWaiter(deadline, now)
      } else if (refusal.reason._tag === "QueueFull" && this.lanes.length > 1) {
        // Who was let in waits for the lanes that stand already.
        this.lanes.pop()
        return
      } else {
        return this.refused(lane, refusal, now)
      }
    }
  }

  /** Lanes that nobody needs any more leave the queue, the last first; the others have as long as who waits longest. */
  private trim(now: number): void {
    while (this.lanes.length > 0 && (this.lanes.length - 1) * this.depth >= this.pending.size) {
      this.host.core.release(this.lanes.pop()!, now)
    }
    for (const lane of this.lanes) lane.deadline = this.pending.first!.deadline
  }

  /** Each statement is counted and told for itself: a lane stands for many. */
  private refusalOf(statement: SharedStatement, refusal: SessionError): SessionError {
    const { core } = this.host
    switch (refusal.reason._tag) {
      case "AcquireTimeout":
        return core.refuse("timeout", statement)
      case "QueueFull":
        return core.refuse("queue-full", statement)
      case "PoolClosed":
        return core.refuse("closed", statement)
      default:
        core.counters.acquired.failed++
        return refusal
    }
  }
}

/** How much time of the server's may be on its way on one session: what a newcomer waits at the most, if all goes well. */
const MOST_MILLIS = 10

/** A lane that has not been answered for longer than a round trip and this much takes nobody else along. */
const STALLED_MILLIS = 5

/** A lane ends after that time even under load that never ends, so that its session can be looked after. */
const LIFE_MILLIS = 1000

/** Who holds a shared session, as the ledger tells it. */
const SEVERAL: Holder = { id: 0, name: "several callers", cache: { span: undefined } }

export class SharedSession extends Lease<Session> {
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
    const now = this.pipeline.host.now()
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
    if (now - this.answeredAt > this.pipeline.host.times.roundTrip + STALLED_MILLIS) return false
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
    giveBack(this.pipeline.host, this, this.pipeline.host.now())
  }
}

/** One statement that shares a session: as a direct one, but it waits for a place on a lane and leaves its session to it. */
export class SharedStatement extends DirectStatement {
  declare previous: SharedStatement | undefined
  declare next: SharedStatement | undefined
  /** Milliseconds that those behind it are expected to wait for it. */
  readonly cost: number
  private readonly pipeline: StatementPipeline
  private lane: SharedSession | undefined = undefined
  private place = 0
  private isLeft = false

  constructor(pipeline: StatementPipeline, holder: Holder, parts: StatementParts) {
    super(pipeline.host, holder, parts)
    this.pipeline = pipeline
    this.cost = parts.facts?.cost ?? 0
  }

  override run(): void {
    const refused = this.pipeline.add(this)
    if (refused !== undefined) this.refuse(refused)
  }

  /** Goes on its way with a lane. */
  travel(lane: SharedSession, session: Session, now: number): void {
    const { core } = this.host
    core.counters.acquired[lane.waited ? "waited" : "immediate"]++
    core.waitTime.recordMillis(lane.waited ? now - this.enqueuedAt : 0)
    this.state = "held"
    this.since = now
    this.lane = lane
    this.place = lane.written
    const asked = session.start(this, now, this, true)
    if (this.lane === lane) this.asked = asked
  }

  override onSuccess(answer: QueryResult, now: number): void {
    const lane = this.ended(now, true)
    if (!this.isLeft) this.finish(answer)
    lane?.endIfOver()
  }

  override onFailure(cause: Cause.Cause<SqlError>): void {
    const lane = this.ended(this.host.now(), false)
    if (!this.isLeft) this.fail(cause)
    lane?.endIfOver()
  }

  /**
   * It leaves its lane. How long the server had it is learned: since the one ahead was answered, but without the way there
   * and back, which is in the time since it was written.
   */
  private ended(now: number, succeeded: boolean): SharedSession | undefined {
    const { facts, lane } = this
    this.lane = undefined
    this.asked = undefined
    this.state = "over"
    const sinceWritten = now - this.since
    const sinceLast = lane?.answered(now, !this.isLeft, this.cost) ?? 0
    const millis = Math.min(sinceLast, this.host.times.onServer(sinceWritten))
    if (succeeded) facts?.succeeded(millis)
    else facts?.stopped(millis)
    if (!this.isLeft) this.host.core.useTime.recordMillis(sinceWritten)
    return lane
  }

  override letGo(): void {
    if (this.state === "waiting") this.pipeline.remove(this)
    const { asked, lane } = this
    this.isLeft = true
    this.state = "over"
    if (lane === undefined) return
    const now = this.host.now()
    this.host.core.useTime.recordMillis(now - this.since)
    lane.left((session) => {
      if (asked === undefined) return
      this.facts?.stopped(lane.millisOf(this.place, now))
      session.abandon(asked)
    })
  }

  refuse(refusal: SessionError): void {
    this.state = "over"
    super.woken(refusal)
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
      return Effect.sync(() => statement.letGo())
    })
