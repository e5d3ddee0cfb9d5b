/**
 * Independent statements of many callers on shared sessions, several in one write.
 *
 * What is asked in one turn of the event loop is gathered. It joins sessions that are at work already, as far as depth
 * and time allow, then takes idle ones: fewer sessions at work means fewer and fuller packets both ways. A session shared
 * like that is lent once for all, to a lane, through the same queue as every other borrower: while one of those waits,
 * lanes take nobody along, so that they come free. Nobody is overtaken.
 */
import type { SessionError } from "../errors/SessionError.ts"
import { Lane } from "./Lane.ts"
import type { SharedStatement } from "./SharedStatement.ts"
import type { PoolRuntime } from "./PoolRuntime.ts"
import { StatementSpeed } from "./StatementSpeed.ts"
import { Waiters } from "./core/WaitQueue.ts"

/** As many statements as sql-pg's own pipelining puts on one connection by default. */
const DEFAULT_DEPTH = 32

const byLoad = (one: Lane, other: Lane): number => one.onItsWay - other.onItsWay

export class StatementPipeline {
  readonly speed = new StatementSpeed()
  readonly runtime: PoolRuntime
  /** The most statements on one session at once. */
  readonly depth: number
  private readonly pending = new Waiters<SharedStatement>()
  /** Lanes that wait for a session in the pool's own queue: never more than the statements need. */
  private readonly lanes: Array<Lane> = []
  /** Lanes on which statements are on their way. */
  private readonly busy: Array<Lane> = []
  private isScheduled = false
  /** When the first of those was asked that are looked at together. */
  private turn = 0

  /** A depth of 0 says that the settings name none. */
  constructor(runtime: PoolRuntime, depth: number) {
    this.runtime = runtime
    this.depth = depth === 0 ? DEFAULT_DEPTH : depth
  }

  /** Callers that wait beyond those in the pool's own queue, where their lanes stand. */
  get waiting(): number {
    return this.pending.size - this.lanes.length
  }

  /** Takes a statement; a refusal is returned. */
  add(statement: SharedStatement): SessionError | undefined {
    const { core } = this.runtime
    if (core.waiters.size + this.waiting >= core.limits.maxWaiting) return core.refuse("queue-full", statement)
    if (!this.isScheduled) {
      this.isScheduled = true
      this.turn = this.runtime.now()
      process.nextTick(this.flush)
    }
    statement.state = "waiting"
    statement.enqueuedAt = this.turn
    statement.deadline = this.turn + this.runtime.acquireMillis
    this.pending.push(statement)
    return undefined
  }

  /** A caller gave up before its statement was written. */
  remove(statement: SharedStatement): void {
    this.pending.remove(statement)
    this.runtime.core.counters.acquired.abandoned++
    this.trim(this.runtime.now())
  }

  /** The next statement for a lane. */
  next(): SharedStatement | undefined {
    return this.pending.shift()
  }

  /** A lane got its session. */
  granted(lane: Lane, now: number): void {
    this.lanes.splice(this.lanes.indexOf(lane), 1)
    this.start(lane, now)
    this.flush()
  }

  /** A lane is refused: whose time is up hears of it, or everybody when it is no matter of time. */
  refused(lane: Lane, refusal: SessionError, now: number): void {
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
  ended(lane: Lane): void {
    const at = this.busy.indexOf(lane)
    if (at >= 0) this.busy.splice(at, 1)
  }

  private start(lane: Lane, now: number): void {
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
    const { core } = this.runtime
    const now = this.runtime.now()
    // On a session that is at work already the server answers in fewer pieces. But while others than our lanes wait for a
    // session, those at work take nobody along, so that they come free.
    if (core.waiters.size === this.lanes.length) this.joinBusy(now)
    while (this.pending.size > 0) {
      const lane = new Lane(this)
      if (!core.take(lane, now)) break
      this.start(lane, now)
    }
    this.trim(now)
    while (this.lanes.length * this.depth < this.pending.size) {
      const lane = new Lane(this)
      const { deadline } = this.pending.first!
      this.lanes.push(lane)
      const refusal = core.enqueue(lane, now, deadline)
      if (refusal === undefined) {
        this.runtime.armForWaiter(deadline, now)
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
      this.runtime.core.release(this.lanes.pop()!, now)
    }
    for (const lane of this.lanes) lane.deadline = this.pending.first!.deadline
  }

  /** Each statement is counted and told for itself: a lane stands for many. */
  private refusalOf(statement: SharedStatement, refusal: SessionError): SessionError {
    const { core } = this.runtime
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
