/** Runs the effects that the pool core requests (dial, probe, recover, close) and passes their results back to it. */
import type * as Context from "effect/Context"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as PubSub from "effect/PubSub"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import type { SessionOpener } from "../session/SessionOpener.ts"
import type { DatabaseEndpoint, Session } from "../session/Session.ts"
import type { Settings } from "../config/settings/Settings.ts"
import { SessionError } from "../errors/SessionError.ts"
import { type AuthBudget, authBudget } from "./AuthBudget.ts"
import { breakersOf } from "./core/Breaker.ts"
import * as Ceiling from "./core/Ceiling.ts"
import * as DialBackoff from "./core/DialBackoff.ts"
import { type PoolEvent, type PoolEventBody, LossGrouping } from "./Events.ts"
import { nextDialAt, SLOW_DIAL_MILLIS } from "./core/GrowthPolicy.ts"
import { DeadlineTimer } from "./DeadlineTimer.ts"
import { PoolCore, type Rejection } from "./core/PoolCore.ts"
import { PoolTimes } from "../stats/PoolTimes.ts"
import type { PoolHost } from "./PoolHost.ts"
import { holderName, type Lease, type Slot } from "./core/Lease.ts"
import { type PoolSnapshot, formatSnapshot } from "./core/Snapshot.ts"
import { MILLIS_PER_SECOND } from "../errors/Units.ts"
import { shortStatement } from "../stats/StatementText.ts"
import { sessionEntry } from "./SessionList.ts"

/** How often sessions are checked: idle and lifetime limits, leaks, overdue statements. */
const SWEEP_MILLIS = 1000

/** The server ends a statement at its timeout; without an answer this much later, the peer is taken for dead. */
const STATEMENT_GRACE_MILLIS = 5000

/** Sent to every session by a server or pooler that shuts down (PostgreSQL docs, Appendix A: admin_shutdown). */
const SHUTDOWN = "57P01"

/** The code of the pooler's own circuit breaker (Supavisor 2.9 source, circuit_breaker.ex). */
const POOLER_BREAKER = "ECIRCUITBREAKER"

export class PoolRuntime implements PoolHost {
  readonly core: PoolCore<Session>
  readonly times: PoolTimes
  readonly clock: Clock.Clock
  readonly now: () => number
  readonly config: Settings
  readonly name: string
  readonly endpoint: DatabaseEndpoint
  readonly acquireMillis: number
  readonly timer: DeadlineTimer
  /** Completed by the first dial. */
  readonly firstDial = Deferred.makeUnsafe<void, SessionError>()
  readonly dialFibers = new Map<number, Fiber.Fiber<unknown, unknown>>()
  readonly context: Context.Context<never>
  /** Callers that wait for a shared session, in addition to the pool's own queue. */
  waitingForShared: () => number = () => 0
  /** Called after every step while the pool drains. */
  onStep: () => void = () => {}

  private readonly opener: SessionOpener["Service"]
  private readonly losses: LossGrouping
  private readonly budget: AuthBudget
  private readonly pubsub: PubSub.PubSub<PoolEvent>
  private lastFailure: PoolSnapshot["lastFailure"] = undefined

  constructor(options: {
    readonly config: Settings
    readonly opener: SessionOpener["Service"]
    readonly context: Context.Context<never>
    readonly clock: Clock.Clock
    readonly random: () => number
    readonly pubsub: PubSub.PubSub<PoolEvent>
  }) {
    const { config, opener } = options
    const { database, host, port, username } = opener.endpoint
    this.config = config
    this.opener = opener
    this.endpoint = opener.endpoint
    this.context = options.context
    this.clock = options.clock
    this.now = monotonicMillis(options.clock)
    this.pubsub = options.pubsub
    this.name = config.poolName ?? `${host}:${port}/${database}`
    this.budget = authBudget(options.clock, `${username}@${host}:${port}`)
    this.acquireMillis = Duration.toMillis(config.pool.acquireTimeout)
    this.losses = new LossGrouping(options.context, (count, first) => {
      this.core.counters.incidents++
      this.publish({ _tag: "SessionsLost", count, first })
    })
    this.core = new PoolCore<Session>(
      {
        min: config.pool.min,
        max: config.pool.max,
        maxWaiting: config.pool.maxWaiting,
        idleTimeout: Duration.toMillis(config.pool.idleTimeout),
        maxLifetime: Duration.toMillis(config.pool.maxLifetime),
        openAtStart: config.startup !== "lazy"
      },
      {
        dial: this.dial,
        probe: (slot) => {
          const began = this.now()
          return this.fork(
            Effect.map(slot.session.probe, (answered) => {
              if (slot.state === "probing") this.times.probed(answered, this.now() - began)
              const silentMillis = this.now() - slot.session.lastReceivedAt()
              if (!answered) slot.session.kill(this.statementTimeout(silentMillis, SWEEP_MILLIS))
              this.core.probed(slot, answered, this.now())
              this.times.checkShortage(this.core, this.now())
            })
          )
        },
        recover: (slot) =>
          this.fork(Effect.map(slot.session.recover, (clean) => this.core.recovered(slot, clean, this.now()))),
        close: (slot, reason) =>
          this.fork(
            Effect.map(slot.session.close, () => {
              this.core.sessionClosed(slot, this.now())
              const { backendPid, id } = slot.session.info
              this.publish({ _tag: "SessionClosed", id, backendPid, reason })
            })
          ),
        acquireError: (outcome, waiter) => this.acquireError(outcome, waiter),
        random: options.random,
        onStep: () => this.onStep()
      }
    )
    this.times = new PoolTimes(this.core.waitTime, this.core.useTime)
    this.timer = new DeadlineTimer(options.context, this.now, this.sweep)
  }

  start(): void {
    this.budget.join(this)
    this.timer.arm(this.sweep())
  }

  stop(): void {
    this.budget.leave(this)
    this.losses.flush()
    this.timer.stop()
  }

  onAuthFailures(failures: ReadonlyArray<number>, last: SessionError): void {
    const now = this.now()
    this.core.backoff = DialBackoff.withAuthFailures(this.core.backoff, failures, now)
    const pausedMillis = DialBackoff.pausedUntil(failures, now) - now
    if (pausedMillis <= 0) return
    const error = last.pausedUntil(this.clock.currentTimeMillisUnsafe() + pausedMillis)
    this.core.pauseDials(error)
    Deferred.doneUnsafe(this.firstDial, Effect.fail(error))
  }

  armForWaiter(deadline: number, now: number): void {
    this.timer.arm(Math.min(deadline, nextDialAt(this.core, now)))
  }

  publish(event: PoolEventBody): void {
    PubSub.publishUnsafe(this.pubsub, { ...event, at: this.clock.currentTimeMillisUnsafe() } as PoolEvent)
  }

  snapshot(): PoolSnapshot {
    const { core } = this
    const now = this.now()
    let oldestLease = 0
    for (const slot of core.slots) {
      if (slot.lease !== undefined) oldestLease = Math.max(oldestLease, now - slot.lease.since)
    }
    const first = core.waiters.first
    return {
      name: this.name,
      phase: core.phase,
      open: core.open,
      connecting: core.dials.size,
      idle: core.idle,
      used: core.used,
      closing: core.closing,
      waiting: core.waiters.size + this.waitingForShared(),
      min: core.limits.min,
      max: core.limits.max,
      ceiling: Ceiling.reported(core.ceiling, core.limits.max),
      poolerSize: core.ceiling.poolerSize,
      breakers: breakersOf(core.backoff, core.ceiling, now),
      maxWaiting: core.limits.maxWaiting,
      oldestWaitMillis: first === undefined ? 0 : now - first.enqueuedAt,
      oldestLeaseMillis: oldestLease,
      lastFailure: this.lastFailure,
      counters: structuredClone(core.counters)
    }
  }

  private acquireError(outcome: Rejection, waiter: Lease<Session>): SessionError {
    const { core } = this
    const snapshot = this.snapshot()
    const state = formatSnapshot(snapshot)
    switch (outcome) {
      case "closed":
        return SessionError.poolClosed({ draining: core.phase === "draining" })
      case "queue-full":
        return SessionError.queueFull({ maxWaiting: core.limits.maxWaiting, state })
      case "timeout": {
        const now = this.now()
        const failure = core.backoff.failures > 0 ? snapshot.lastFailure : undefined
        return SessionError.acquireTimeout({
          waitedMillis: now - waiter.enqueuedAt,
          poolName: this.name,
          state,
          holders: Array.from(core.slots)
            .filter((slot) => slot.state === "used")
            .map((slot) => holderLine(slot, now)),
          lastFailure: failure?.message,
          lastFailureCode: failure?.code
        })
      }
    }
  }

  private fork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    return Effect.runForkWith(this.context)(effect)
  }

  private readonly dial = (id: number): void => {
    const fiber = this.fork(this.opener.open)
    this.dialFibers.set(id, fiber)
    // An observer is notified of an interruption, too; a handler inside the fiber would not run.
    fiber.addObserver((exit) => {
      this.dialFibers.delete(id)
      if (exit._tag === "Success") return this.attach(id, exit.value)
      const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail" || reason._tag === "Die")
      if (failure === undefined) return this.core.dialAbandoned(id)
      this.dialFailed(id, failure._tag === "Fail" ? failure.error : this.dialDefect(failure.defect))
    })
    // When the dial has become slow, another may start.
    this.timer.arm(this.now() + SLOW_DIAL_MILLIS)
  }

  private attach(id: number, session: Session): void {
    const before = this.core.ceiling.held
    session.times = this.times
    this.times.roundTrip = session.info.timings.session
    const slot = this.core.dialed(id, session, this.now())
    this.times.sessionOpened(session.info, this.core, this.now())
    session.onLost = (error) => {
      const isUnexpected = this.core.phase === "open" && slot.state !== "closing"
      // A session that ends during a drain is no incident.
      if (this.core.phase === "open") this.losses.add(error)
      this.core.sessionLost(slot, this.now(), error.code === SHUTDOWN)
      if (isUnexpected) this.times.sessionLost(session, this.core, this.now())
      this.timer.arm(this.now() + SWEEP_MILLIS)
    }
    Deferred.doneUnsafe(this.firstDial, Effect.void)
    this.publish({ _tag: "SessionOpened", info: session.info })
    if (before !== undefined && this.core.ceiling.held === undefined) this.publish({ _tag: "CeilingLifted" })
    if (session.lost !== undefined) session.onLost(session.lost)
  }

  private dialFailed(id: number, error: SessionError): void {
    const now = this.now()
    const before = this.core.ceiling.held
    const reason = error.reason
    this.lastFailure = { atMillis: now, code: error.code, message: error.message }
    this.core.dialFailed(
      id,
      {
        error,
        class: error.class,
        permanent: error.isPermanent,
        // The pooler's own breaker names its time; the dial backoff chooses all others.
        retryAfterMillis:
          error.code.startsWith(POOLER_BREAKER) && error.retryAfter !== undefined
            ? Duration.toMillis(error.retryAfter)
            : undefined,
        ceiling: reason._tag === "ConnectFailed" ? reason.ceiling : undefined
      },
      now
    )
    if (error.class === "auth") this.budget.add(now, error, this)
    const { backoff, ceiling } = this.core
    if (ceiling.held !== undefined && before !== ceiling.held) {
      this.publish({ _tag: "CeilingLearned", held: ceiling.held, poolerSize: ceiling.poolerSize })
    }
    if (ceiling.held === undefined || error.class !== "capacity") {
      const retryInMillis = Math.max(0, backoff.notBefore - now)
      this.publish({ _tag: "DialFailed", error, open: this.core.open, retryInMillis })
    }
    Deferred.doneUnsafe(this.firstDial, Effect.fail(error))
    this.timer.arm(Math.max(now, backoff.notBefore))
  }

  private dialDefect(defect: unknown): SessionError {
    const { host, port } = this.endpoint
    return SessionError.connectFailed({ host, port, phase: "session", elapsedMillis: 0, failure: defect })
  }

  private statementTimeout(elapsedMillis: number, limitMillis: number): SessionError {
    const { host, port } = this.endpoint
    return SessionError.statementTimeout({ host, port, phase: "query", elapsedMillis, limitMillis })
  }

  private readonly sweep = (): number => {
    const now = this.now()
    const nextTick = this.core.tick(now)
    this.checkSessions(now)
    const isEmpty = this.core.slots.size === 0 && this.core.dials.size === 0 && this.core.waiters.size === 0
    const nextSweep = isEmpty && this.core.limits.min === 0 ? Number.POSITIVE_INFINITY : now + SWEEP_MILLIS
    return Math.min(nextTick, nextSweep)
  }

  private checkSessions(now: number): void {
    const { pool, statementTimeout } = this.config
    const leakMillis = pool.leakThreshold === undefined ? undefined : Duration.toMillis(pool.leakThreshold)
    const statementMillis = Duration.toMillis(statementTimeout)
    for (const slot of this.core.slots) {
      if (statementMillis > 0) this.checkStatement(slot, now, statementMillis + STATEMENT_GRACE_MILLIS)
      if (leakMillis !== undefined) this.checkLeak(slot, now, leakMillis)
    }
  }

  private checkStatement({ lease, session }: Slot<Session>, now: number, limitMillis: number): void {
    if (session.busySince === 0 || session.lost !== undefined) return
    // On a shared session the first unanswered statement has run since the last answer at the earliest.
    const since = lease?.isShared === true ? Math.max(session.busySince, session.lastReceivedAt()) : session.busySince
    if (now - since < limitMillis) return
    const error = this.statementTimeout(now - since, limitMillis)
    this.publish({ _tag: "StatementOverdue", sessionId: session.info.id, holder: holderName(lease?.holder), error })
    session.kill(error)
  }

  private checkLeak({ lease, session }: Slot<Session>, now: number, threshold: number): void {
    if (lease === undefined || lease.leakReported || lease.longLived || now - lease.since < threshold) return
    lease.leakReported = true
    this.core.counters.leaksSuspected++
    this.publish({
      _tag: "LeakSuspected",
      sessionId: session.info.id,
      holder: holderName(lease.holder),
      heldMillis: now - lease.since,
      statement: session.statement
    })
  }
}

const holderLine = (slot: Slot<Session>, now: number): string => {
  const entry = sessionEntry(slot, now)
  const seconds = ((entry.heldMillis ?? 0) / MILLIS_PER_SECOND).toFixed(1)
  const short = shortStatement(entry.statement ?? "")
  const doing = short === "" ? "" : entry.runningMillis === undefined ? `, last ran: ${short}` : `, running: ${short}`
  return `session ${entry.sessionId} by ${entry.holder ?? "the pool itself"} for ${seconds} s${doing}`
}
