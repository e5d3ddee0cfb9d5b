/**
 * Runs independent statements of many callers on shared sessions, several statements per write.
 *
 * Statements of one turn of the event loop are collected. They join shared sessions that are already busy, as far as
 * depth and time allow, and then use idle ones: fewer busy sessions mean fewer and fuller packets in both directions. A
 * shared session is one lease for all its statements and waits in the same queue as every other caller. While another
 * caller waits, shared sessions accept no more statements, so that they become free: no caller is overtaken.
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
import { DirectStatement, type StatementOptions } from "./DirectStatement.ts"
import type { Transform } from "./SessionLease.ts"
import * as Effect from "effect/Effect"
import type { Row } from "@effect/sql-pg/PgConnection"

/** The default of sql-pg's own pipelining: statements in flight on one connection. */
const DEFAULT_DEPTH = 32

/** Limit for the server time of all statements in flight on one session, and so for the delay of the next one. */
const MAX_QUEUED_MILLIS = 10

/** A session without a result for a round trip and this much accepts no more statements. */
const STALLED_MILLIS = 5

/** A shared session is released after this time even under constant load, so that it can be probed or replaced. */
const MAX_LIFETIME_MILLIS = 1000

/** The holder of a shared session in the list of sessions. */
const SHARED_HOLDER: Holder = { id: 0, name: "several callers", cache: { span: undefined } }

/** Runs one statement for a holder, outside of transactions; fails with `SqlError`. */
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

const byLoad = (one: SharedSession, other: SharedSession): number => one.inFlight - other.inFlight

export class StatementPipeline {
  readonly host: PoolHost
  /** The most statements in flight on one session. */
  readonly depth: number
  private readonly pending = new WaitQueue<SharedStatement>()
  /** Shared sessions that wait in the pool's queue: no more than the pending statements need. */
  private readonly queued: Array<SharedSession> = []
  /** Shared sessions with statements in flight. */
  private readonly busy: Array<SharedSession> = []
  private isScheduled = false
  /** Monotonic milliseconds when the first statement of the current turn was added. */
  private turnBegan = 0

  /** A depth of 0 selects the default. */
  constructor(host: PoolHost, depth: number) {
    this.host = host
    this.depth = depth === 0 ? DEFAULT_DEPTH : depth
  }

  /** Waiting callers that the pool's own queue does not count: there one shared session stands for several. */
  get waiting(): number {
    return this.pending.size - this.queued.length
  }

  /** Adds a statement; returns the error when it is rejected. */
  add(statement: SharedStatement): SessionError | undefined {
    const { core } = this.host
    if (core.waiters.size + this.waiting >= core.limits.maxWaiting) return core.reject("queue-full", statement)
    if (!this.isScheduled) {
      this.isScheduled = true
      this.turnBegan = this.host.now()
      process.nextTick(this.flush)
    }
    statement.state = "waiting"
    statement.enqueuedAt = this.turnBegan
    statement.deadline = this.turnBegan + this.host.acquireMillis
    this.pending.push(statement)
    return undefined
  }

  /** Removes a statement whose caller was interrupted before it was written. */
  remove(statement: SharedStatement): void {
    this.pending.remove(statement)
    this.host.core.counters.acquired.abandoned++
    this.trim(this.host.now())
  }

  /** Takes the next pending statement. */
  next(): SharedStatement | undefined {
    return this.pending.shift()
  }

  /** A queued shared session was acquired. */
  acquired(shared: SharedSession, now: number): void {
    this.queued.splice(this.queued.indexOf(shared), 1)
    this.start(shared, now)
    this.flush()
  }

  /** A shared session was rejected: after a timeout the expired statements fail, else all of them. */
  rejected(shared: SharedSession, error: SessionError, now: number): void {
    const at = this.queued.indexOf(shared)
    if (at < 0) return
    this.queued.splice(at, 1)
    const isTimeout = error.reason._tag === "AcquireTimeout"
    for (let first = this.pending.first; first !== undefined; first = this.pending.first) {
      if (isTimeout && first.deadline > now) break
      this.pending.remove(first)
      first.rejectWith(this.errorFor(first, error))
    }
    this.flush()
  }

  released(shared: SharedSession): void {
    const at = this.busy.indexOf(shared)
    if (at >= 0) this.busy.splice(at, 1)
  }

  private readonly flush = (): void => {
    this.isScheduled = false
    const { core } = this.host
    const now = this.host.now()
    // Unless other callers wait: then busy sessions must become free.
    if (core.waiters.size === this.queued.length) this.joinBusy(now)
    while (this.pending.size > 0) {
      const shared = new SharedSession(this)
      if (!core.tryAcquire(shared, now)) break
      this.start(shared, now)
    }
    this.trim(now)
    while (this.queued.length * this.depth < this.pending.size) {
      const shared = new SharedSession(this)
      const { deadline } = this.pending.first!
      this.queued.push(shared)
      const error = core.enqueue(shared, now, deadline)
      if (error === undefined) {
        this.host.armForWaiter(deadline, now)
      } else if (error.reason._tag === "QueueFull" && this.queued.length > 1) {
        // The accepted statements wait for the shared sessions that are queued already.
        this.queued.pop()
        return
      } else {
        return this.rejected(shared, error, now)
      }
    }
  }

  /** Adds pending statements to busy sessions, the least loaded first, until each rejects one. */
  private joinBusy(now: number): void {
    for (const shared of this.busy.toSorted(byLoad)) {
      for (let first = this.pending.first; first !== undefined; first = this.pending.first) {
        this.pending.remove(first)
        if (shared.tryAdd(first, now)) continue
        this.pending.unshift(first)
        break
      }
    }
  }

  private start(shared: SharedSession, now: number): void {
    this.busy.push(shared)
    shared.writePending(now)
  }

  /** Removes queued shared sessions that are no longer needed; the others get the deadline of the oldest statement. */
  private trim(now: number): void {
    while (this.queued.length > 0 && (this.queued.length - 1) * this.depth >= this.pending.size) {
      this.host.core.release(this.queued.pop()!, now)
    }
    for (const shared of this.queued) shared.deadline = this.pending.first!.deadline
  }

  /** The error of one statement, which is counted on its own: the shared session was not counted. */
  private errorFor(statement: SharedStatement, error: SessionError): SessionError {
    const { core } = this.host
    switch (error.reason._tag) {
      case "AcquireTimeout":
        return core.reject("timeout", statement)
      case "QueueFull":
        return core.reject("queue-full", statement)
      case "PoolClosed":
        return core.reject("closed", statement)
      default:
        core.counters.acquired.failed++
        return error
    }
  }
}

/** The lease of one session for several statements. */
export class SharedSession extends Lease<Session> {
  /** Whether it waited in the queue. */
  waited = false
  /** Statements written so far. */
  written = 0
  private readonly pipeline: StatementPipeline
  private answeredCount = 0
  /** Callers that have not been answered or interrupted. */
  private waitingCallers = 0
  private answeredAt = 0
  private startedAt = 0
  /** Expected server time of the statements in flight, in milliseconds. */
  private expectedMillis = 0
  /** A statement may end while it is written; the session must not be released for that before all are written. */
  private isWriting = false

  constructor(pipeline: StatementPipeline) {
    super(SHARED_HOLDER)
    this.pipeline = pipeline
  }

  override get isShared(): boolean {
    return true
  }

  get inFlight(): number {
    return this.written - this.answeredCount
  }

  override wake(error: SessionError | undefined): void {
    const now = this.pipeline.host.now()
    this.waited = true
    if (error !== undefined) this.pipeline.rejected(this, error, now)
    // It may have been removed from the queue since the wake-up was deferred.
    else if (this.state === "held") this.pipeline.acquired(this, now)
  }

  /** Writes pending statements up to the depth; releases the session when there are none. */
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

  /** Writes one more statement; false when there is no room, or it would wait too long. */
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

  /** A statement was answered; returns the milliseconds since the result before it. */
  onAnswered(now: number, hasCaller: boolean, cost: number): number {
    const millis = now - this.answeredAt
    this.expectedMillis = Math.max(0, this.expectedMillis - cost)
    this.answeredAt = now
    this.answeredCount++
    if (hasCaller) this.waitingCallers--
    return millis
  }

  /** How long the server has been running the statement at a position; 0 while others are before it. */
  serverMillisOf(position: number, now: number): number {
    return position === this.answeredCount ? now - this.answeredAt : 0
  }

  /** A caller was interrupted. `cancel` cancels all statements in flight, so it is called for the last caller only. */
  callerLeft(cancel: (session: Session) => void): void {
    this.waitingCallers--
    const session = this.slot?.session
    if (this.waitingCallers === 0 && !this.isWriting && session !== undefined) cancel(session)
    this.releaseIfDone()
  }

  /** Releases the session once no caller waits. The pool cancels what is still in flight before the next lease. */
  releaseIfDone(): void {
    if (this.isWriting || this.waitingCallers > 0 || this.state !== "held") return
    this.pipeline.released(this)
    release(this.pipeline.host, this, this.pipeline.host.now())
  }
}

/** One statement on a shared session. */
export class SharedStatement extends DirectStatement {
  declare previous: SharedStatement | undefined
  declare next: SharedStatement | undefined
  /** Expected delay for the statements behind it, in milliseconds. */
  readonly cost: number
  private readonly pipeline: StatementPipeline
  private shared: SharedSession | undefined = undefined
  private position = 0
  private isInterrupted = false

  constructor(pipeline: StatementPipeline, holder: Holder, options: StatementOptions) {
    super(pipeline.host, holder, options)
    this.pipeline = pipeline
    this.cost = options.facts?.cost ?? 0
  }

  override run(): void {
    const error = this.pipeline.add(this)
    if (error !== undefined) this.rejectWith(error)
  }

  writeTo(shared: SharedSession, session: Session, now: number): void {
    const { core } = this.host
    core.counters.acquired[shared.waited ? "waited" : "immediate"]++
    core.waitTime.recordMillis(shared.waited ? now - this.enqueuedAt : 0)
    this.state = "held"
    this.since = now
    this.shared = shared
    this.position = shared.written
    const handle = session.start(this, now, this, true)
    // A lost session fails the statement before `start` returns.
    if (this.shared === shared) this.handle = handle
  }

  override onSuccess(result: QueryResult, now: number): void {
    const shared = this.leaveSession(now, true)
    if (!this.isInterrupted) this.finish(result)
    shared?.releaseIfDone()
  }

  override onFailure(cause: Cause.Cause<SqlError>): void {
    const shared = this.leaveSession(this.host.now(), false)
    if (!this.isInterrupted) this.fail(cause)
    shared?.releaseIfDone()
  }

  /** Records the time on the server: at most since the last result, and since it was written less the round trip. */
  private leaveSession(now: number, succeeded: boolean): SharedSession | undefined {
    const { facts, shared } = this
    this.shared = undefined
    this.handle = undefined
    this.state = "over"
    const sinceWritten = now - this.since
    const sinceLast = shared?.onAnswered(now, !this.isInterrupted, this.cost) ?? 0
    const millis = Math.min(sinceLast, this.host.times.onServer(sinceWritten))
    if (succeeded) facts?.succeeded(millis)
    else facts?.stopped(millis)
    if (!this.isInterrupted) this.host.core.useTime.recordMillis(sinceWritten)
    return shared
  }

  override interrupt(): void {
    if (this.state === "waiting") this.pipeline.remove(this)
    const { handle, shared } = this
    this.isInterrupted = true
    this.state = "over"
    if (shared === undefined) return
    const now = this.host.now()
    this.host.core.useTime.recordMillis(now - this.since)
    shared.callerLeft((session) => {
      if (handle === undefined) return
      this.facts?.stopped(shared.serverMillisOf(this.position, now))
      session.cancelQuery(handle)
    })
  }

  rejectWith(error: SessionError): void {
    this.state = "over"
    super.wake(error)
  }
}
