/**
 * One statement on an exclusive session, from the call to the result without a fiber in between.
 *
 * The lease, the waiter and the result handler are one object. When a session is released and this is the next waiter,
 * its statement is written synchronously. When the result arrives, the next waiter gets the session before the caller
 * resumes.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import type { Row } from "@effect/sql-pg/PgConnection"
import type { Query, RowForm, QueryResult, QueryHandle, ResultHandler } from "../wire/query/Query.ts"
import { failStatement } from "../session/Outcome.ts"
import type { Session } from "../session/Session.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { type Holder, Lease } from "./core/Lease.ts"
import { release, acquireSqlError } from "./Acquire.ts"
import type { StatementFacts } from "../stats/StatementCache.ts"
import { isNeverExecutedCause, NEVER_EXECUTED_RETRIES } from "../errors/SqlErrors.ts"
import type { Transform } from "./SessionLease.ts"
import type { PoolHost } from "./PoolHost.ts"

type Resume = (effect: Effect.Effect<ReadonlyArray<Row>, SqlError>) => void

export interface StatementOptions {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  readonly transform: Transform
  /** Facts about its text; undefined where statements may not share sessions. */
  readonly facts: StatementFacts | undefined
  readonly resume: Resume
}

export class DirectStatement extends Lease<Session> implements ResultHandler, Query {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  protected readonly host: PoolHost
  protected readonly facts: StatementFacts | undefined
  protected handle: QueryHandle | undefined = undefined
  private readonly transform: Transform
  private readonly resume: Resume
  private retries = NEVER_EXECUTED_RETRIES

  constructor(host: PoolHost, holder: Holder, options: StatementOptions) {
    super(holder)
    this.host = host
    this.sql = options.sql
    this.params = options.params
    this.transform = options.transform
    this.facts = options.facts
    this.resume = options.resume
  }

  get named(): boolean {
    return this.host.config.prepare
  }

  get form(): RowForm {
    return "objects"
  }

  /** Acquires an idle session, or waits for one. */
  run(): void {
    const { host } = this
    const now = host.now()
    if (host.core.tryAcquire(this, now)) return this.start(now)
    const deadline = now + host.acquireMillis
    const error = host.core.enqueue(this, now, deadline)
    if (error === undefined) host.armForWaiter(deadline, now)
    else this.wake(error)
  }

  override wake(error: SessionError | undefined): void {
    if (error !== undefined) this.resume(Exit.fail(acquireSqlError(error)))
    // It may have been interrupted since the wake-up was deferred.
    else if (this.state === "held") this.start(this.since)
  }

  onSuccess(result: QueryResult, now: number): void {
    this.handle = undefined
    const { facts } = this
    // A statement that leaves state behind is never timed, so it never shares a session.
    if (facts !== undefined && this.slot?.session.isClean() === true) facts.succeeded(this.onServer(now))
    release(this.host, this, now)
    this.finish(result)
  }

  onFailure(cause: Cause.Cause<SqlError>): void {
    const now = this.host.now()
    this.handle = undefined
    this.facts?.stopped(this.onServer(now))
    release(this.host, this, now)
    this.fail(cause)
  }

  /** The caller was interrupted: leaves the queue, or cancels the statement and releases the session. */
  interrupt(): void {
    const now = this.host.now()
    if (this.handle !== undefined) {
      this.slot?.session.cancelQuery(this.handle)
      this.facts?.stopped(now - this.since)
    }
    this.handle = undefined
    release(this.host, this, now)
  }

  protected finish({ objects }: QueryResult): void {
    const { transform } = this
    this.resume(transform === undefined ? Exit.succeed(objects) : Effect.sync(() => transform(objects)))
  }

  protected fail(cause: Cause.Cause<SqlError>): void {
    if (this.retries > 0 && isNeverExecutedCause(cause)) {
      this.retries--
      this.state = "new"
      this.run()
    } else {
      this.resume(failStatement(cause))
    }
  }

  private start(now: number): void {
    const { slot } = this
    const handle = slot?.session.start(this, now, this)
    // A lost session fails the statement before `start` returns; by now it may be over, or running on another session.
    if (this.state === "held" && this.slot === slot) this.handle = handle
  }

  private onServer(now: number): number {
    return this.host.times.onServer(now - this.since)
  }
}
