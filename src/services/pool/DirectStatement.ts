/**
 * One statement on a session of its own, from the asking to the answer without a fiber in between.
 *
 * The lease, the place in the queue and the one who is told of the answer are one object. When a session comes back and
 * this is the next in line, its statement is written in the same breath; when the answer is read, the session goes to
 * the next in line before the caller is woken.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import type { Row } from "@effect/sql-pg/PgConnection"
import type { Question } from "../extended-query/QueryCycle.ts"
import type { Answer, Asked, Asker, Session } from "../Session.ts"
import type { SessionError } from "../SessionError.ts"
import { toSqlError } from "../SqlErrors.ts"
import { type Holder, Lease } from "./Lease.ts"
import { giveBack } from "./Lending.ts"
import { type Speed, stopped, took } from "./StatementSpeed.ts"
import { isUnread, UNREAD_RETRIES } from "./Unread.ts"
import type { PoolRuntime } from "./PoolRuntime.ts"

/** Rows in the caller's own form. */
export type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

type Resume = (effect: Effect.Effect<ReadonlyArray<Row>, SqlError>) => void

/** What is asked, and how the caller wants to hear of it. */
export interface StatementParts {
  readonly question: Question
  readonly transform: Transform
  /** What is known of its text; undefined where nobody wants to know. */
  readonly speed: Speed | undefined
  readonly resume: Resume
}

export class DirectStatement extends Lease<Session> implements Asker {
  readonly parts: StatementParts
  protected readonly runtime: PoolRuntime
  protected asked: Asked | undefined = undefined
  private retries = UNREAD_RETRIES

  constructor(runtime: PoolRuntime, holder: Holder, parts: StatementParts) {
    super(holder)
    this.runtime = runtime
    this.parts = parts
  }

  /** Takes an idle session or a place in the queue. */
  run(): void {
    const { runtime } = this
    const now = runtime.now()
    if (runtime.core.take(this, now)) return this.start(now)
    const deadline = now + runtime.acquireMillis
    const refused = runtime.core.enqueue(this, now, deadline)
    if (refused === undefined) runtime.armForWaiter(deadline, now)
    else this.woken(refused)
  }

  override woken(refusal: SessionError | undefined): void {
    if (refusal !== undefined) this.parts.resume(Exit.fail(toSqlError(refusal, "acquire")))
    // It may have been given up in the moment before.
    else if (this.state === "held") this.start(this.since)
  }

  told(exit: Exit.Exit<Answer, SqlError>): void {
    const now = this.runtime.now()
    this.asked = undefined
    if (this.parts.speed !== undefined)
      this.learn(this.parts.speed, exit, this.runtime.pipeline.speed.onServer(now - this.since))
    giveBack(this.runtime, this, now)
    this.finish(exit)
  }

  /** Nobody waits any more: the place in the queue is left, or the statement is ended and the session given back. */
  letGo(): void {
    const now = this.runtime.now()
    if (this.asked !== undefined) {
      this.slot?.session.abandon(this.asked)
      if (this.parts.speed !== undefined) stopped(this.parts.speed, now - this.since)
    }
    this.asked = undefined
    giveBack(this.runtime, this, now)
  }

  protected finish(exit: Exit.Exit<Answer, SqlError>): void {
    const { resume, transform } = this.parts
    if (exit._tag === "Success") {
      const { objects } = exit.value
      resume(transform === undefined ? Exit.succeed(objects) : Effect.sync(() => transform(objects)))
    } else if (
      this.retries > 0 &&
      exit.cause.reasons.some((reason) => reason._tag === "Fail" && isUnread(reason.error))
    ) {
      this.retries--
      this.state = "new"
      this.run()
    } else {
      resume(Exit.failCause(exit.cause))
    }
  }

  private start(now: number): void {
    const { slot } = this
    const asked = slot?.session.start(this.parts.question, now, this)
    // A session that is lost already has told it; then it is over, or asked on another one.
    if (this.state === "held" && this.slot === slot) this.asked = asked
  }

  /** A statement that leaves something behind is never known to be quick: it goes on running alone. */
  private learn(speed: Speed, exit: Exit.Exit<Answer, SqlError>, millis: number): void {
    if (exit._tag === "Failure") stopped(speed, millis)
    else if (this.slot?.session.isClean() === true) took(speed, millis)
  }
}
