/**
 * One statement on a session of its own, from the asking to the answer without a fiber in between.
 *
 * The lease, the place in the queue and the one who is told of the answer are one object. When a session comes back and
 * this is the next in line, its statement is written in the same breath; when the answer is read, the session goes to
 * the next in line before the caller is woken.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import type { Row } from "@effect/sql-pg/PgConnection"
import type { Query, RowForm, QueryResult, QueryHandle, ResultHandler } from "../wire/query/Query.ts"
import type { Session } from "../session/Session.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { type Holder, Lease } from "./core/Lease.ts"
import { release, acquireSqlError } from "./Acquire.ts"
import type { StatementFacts } from "../stats/StatementCache.ts"
import { isUnreadCause, UNREAD_RETRIES } from "../errors/SqlErrors.ts"
import type { PoolHost } from "./PoolHost.ts"

/** Rows in the caller's own form. */
export type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

type Resume = (effect: Effect.Effect<ReadonlyArray<Row>, SqlError>) => void

/** What is asked, and how the caller wants to hear of it. */
export interface StatementOptions {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  readonly transform: Transform
  /** What is known of its text; undefined where nobody wants to know. */
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
  private retries = UNREAD_RETRIES

  constructor(host: PoolHost, holder: Holder, parts: StatementOptions) {
    super(holder)
    this.host = host
    this.sql = parts.sql
    this.params = parts.params
    this.transform = parts.transform
    this.facts = parts.facts
    this.resume = parts.resume
  }

  get named(): boolean {
    return this.host.config.prepare
  }

  get form(): RowForm {
    return "objects"
  }

  /** Takes an idle session or a place in the queue. */
  run(): void {
    const { host } = this
    const now = host.now()
    if (host.core.tryAcquire(this, now)) return this.start(now)
    const deadline = now + host.acquireMillis
    const refused = host.core.enqueue(this, now, deadline)
    if (refused === undefined) host.armForWaiter(deadline, now)
    else this.wake(refused)
  }

  override wake(refusal: SessionError | undefined): void {
    if (refusal !== undefined) this.resume(Exit.fail(acquireSqlError(refusal)))
    // It may have been given up in the moment before.
    else if (this.state === "held") this.start(this.since)
  }

  onSuccess(answer: QueryResult, now: number): void {
    this.handle = undefined
    const { facts } = this
    // A statement that leaves something behind is never known to be quick: it goes on running alone.
    if (facts !== undefined && this.slot?.session.isClean() === true) facts.succeeded(this.onServer(now))
    release(this.host, this, now)
    this.finish(answer)
  }

  onFailure(cause: Cause.Cause<SqlError>): void {
    const now = this.host.now()
    this.handle = undefined
    this.facts?.stopped(this.onServer(now))
    release(this.host, this, now)
    this.fail(cause)
  }

  /** Nobody waits any more: the place in the queue is left, or the statement is ended and the session given back. */
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
    if (this.retries > 0 && isUnreadCause(cause)) {
      this.retries--
      this.state = "new"
      this.run()
    } else {
      this.resume(Exit.failCause(cause))
    }
  }

  private start(now: number): void {
    const { slot } = this
    const asked = slot?.session.start(this, now, this)
    // A session that is lost already has told it; then it is over, or asked on another one.
    if (this.state === "held" && this.slot === slot) this.handle = asked
  }

  private onServer(now: number): number {
    return this.host.times.onServer(now - this.since)
  }
}
