/** The hands of the pool: fibers that dial, probe, recover and close for the state machine, and what it is told. */
import type * as Context from "effect/Context"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { SqlError } from "effect/sql/SqlError"
import { monotonicMillis } from "../MonotonicClock.ts"
import type { Session, SessionOpener } from "../Session.ts"
import type { Settings } from "../session-config/Settings.ts"
import { SessionError } from "../SessionError.ts"
import type { SessionPool } from "../SessionPool.ts"
import { toSqlError } from "../SqlErrors.ts"
import * as Ceiling from "./Ceiling.ts"
import type { PoolEvent, PoolEventBody } from "./Events.ts"
import { Incidents } from "./Incidents.ts"
import { holderName } from "./Lease.ts"
import { LeasedSession } from "./LeasedSession.ts"
import { holderLine, ledgerEntry } from "./Ledger.ts"
import { OneTimer } from "./OneTimer.ts"
import { drainPool } from "./PoolDrain.ts"
import { PoolCore } from "./PoolCore.ts"
import type { Slot } from "./Slot.ts"
import { formatSnapshot, type PoolSnapshot } from "./Snapshot.ts"

/** How often sessions are looked over: idle and lifetime limits, leaks, statements without an answer. */
const SWEEP_MILLIS = 1000

/** The server ends a statement at its timeout; a peer that has not answered this much later is silent. */
const STATEMENT_GRACE_MILLIS = 5000

/** Events kept for those who come later, and the most that a slow reader may fall behind. */
const REPLAYED_EVENTS = 50
const BUFFERED_EVENTS = 256

export class PoolRuntime {
  readonly core: PoolCore<Session>
  readonly now: () => number
  readonly config: Settings
  readonly name: string
  /** Resolved by the outcome of the first dial. */
  readonly firstDial = Deferred.makeUnsafe<void, SessionError>()
  readonly dialFibers = new Map<number, Fiber.Fiber<unknown>>()
  readonly context: Context.Context<never>
  /** Called after every step while the pool drains. */
  onStep: () => void = () => {}

  private readonly opener: SessionOpener["Service"]
  private readonly clock: Clock.Clock
  private readonly timer: OneTimer
  private readonly incidents: Incidents
  private readonly pubsub: PubSub.PubSub<PoolEvent>
  private readonly acquireMillis: number
  private lastFailure: PoolSnapshot["lastFailure"] = undefined

  constructor(parts: {
    readonly config: Settings
    readonly opener: SessionOpener["Service"]
    readonly context: Context.Context<never>
    readonly clock: Clock.Clock
    readonly random: () => number
    readonly pubsub: PubSub.PubSub<PoolEvent>
  }) {
    const { config, opener } = parts
    this.config = config
    this.opener = opener
    this.context = parts.context
    this.clock = parts.clock
    this.now = monotonicMillis(parts.clock)
    this.pubsub = parts.pubsub
    this.name = config.poolName ?? `${opener.endpoint.host}:${opener.endpoint.port}/${opener.endpoint.database}`
    this.acquireMillis = Duration.toMillis(config.pool.acquireTimeout)
    this.incidents = new Incidents(parts.context, (count, first) => {
      this.core.counters.incidents++
      this.publish({ _tag: "SessionsLost", count, first })
    })
    this.core = new PoolCore<Session>({
      min: config.pool.min,
      max: config.pool.max,
      maxWaiting: config.pool.maxWaiting,
      idleTimeout: Duration.toMillis(config.pool.idleTimeout),
      maxLifetime: Duration.toMillis(config.pool.maxLifetime),
      proveStart: config.startup !== "lazy"
    }, {
      dial: this.dial,
      probe: (slot) => this.fork(Effect.map(slot.session.probe, (answered) => {
        if (!answered) slot.session.kill(this.silent(slot))
        this.core.probed(slot, answered, this.now())
      })),
      recover: (slot) =>
        this.fork(Effect.map(slot.session.recover, (clean) => this.core.recovered(slot, clean, this.now()))),
      close: (slot, reason) =>
        this.fork(Effect.map(slot.session.close, () => {
          this.core.closed(slot, this.now())
          this.publish({
            _tag: "SessionClosed",
            id: slot.session.info.id,
            backendPid: slot.session.info.backendPid,
            reason
          })
        })),
      refusal: this.refusal,
      random: parts.random,
      step: () => this.onStep()
    })
    this.timer = new OneTimer(parts.context, this.now, this.sweep)
  }

  start(): void {
    this.timer.arm(this.sweep())
  }

  stop(): void {
    this.incidents.flush()
    this.timer.stop()
  }

  publish(event: PoolEventBody): void {
    PubSub.publishUnsafe(this.pubsub, { ...event, at: this.clock.currentTimeMillisUnsafe() } as PoolEvent)
  }

  /** The borrower's path; `refuse` puts a refusal into the borrower's words. */
  lend<X>(refuse: (error: SessionError) => X) {
    return <A, E, R>(f: (session: LeasedSession) => Effect.Effect<A, E, R>): Effect.Effect<A, E | X, R> =>
      Effect.withFiber((fiber) => {
        const lease = new LeasedSession(fiber)
        // The lease is taken inside what its release protects: an interruption in between finds it either without
        // a session or given back.
        return Effect.onExitPrimitive<A, E | X, R>(
          Effect.suspend(() => {
            if (this.core.take(lease, this.now())) return f(lease)
            return Effect.flatMap(this.wait(lease, refuse), () => f(lease))
          }),
          () => {
            this.giveBack(lease)
            return undefined
          }
        )
      })
  }

  /** As `lend`, until the scope closes. */
  reserve<X>(refuse: (error: SessionError) => X) {
    return Effect.withFiber<LeasedSession, X, Scope.Scope>((fiber) => {
      const lease = new LeasedSession(fiber)
      return Effect.acquireRelease(
        Effect.suspend(() => this.core.take(lease, this.now()) ? Effect.void : this.wait(lease, refuse)).pipe(
          Effect.onExit((exit) => exit._tag === "Success" ? Effect.void : Effect.sync(() => this.giveBack(lease))),
          Effect.as(lease)
        ),
        () => Effect.sync(() => this.giveBack(lease)),
        { interruptible: true }
      )
    })
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
      waiting: core.waiters.size,
      min: core.limits.min,
      max: core.limits.max,
      ceiling: Ceiling.shown(core.ceiling, core.limits.max),
      poolerSize: core.ceiling.poolerSize,
      maxWaiting: core.limits.maxWaiting,
      oldestWaitMillis: first === undefined ? 0 : now - first.enqueuedAt,
      oldestLeaseMillis: oldestLease,
      lastFailure: this.lastFailure,
      counters: structuredClone(core.counters)
    }
  }

  private fork<A>(effect: Effect.Effect<A>): Fiber.Fiber<A> {
    return Effect.runForkWith(this.context)(effect)
  }

  private wait<X>(lease: LeasedSession, refuse: (error: SessionError) => X): Effect.Effect<void, X> {
    return Effect.callback((resume) => {
      lease.wake = (refusal) => resume(refusal === undefined ? Effect.void : Effect.fail(refuse(refusal)))
      const now = this.now()
      const deadline = now + this.acquireMillis
      const refused = this.core.enqueue(lease, now, deadline)
      if (refused === undefined) this.timer.arm(deadline)
      else resume(Effect.fail(refuse(refused)))
    })
  }

  private giveBack(lease: LeasedSession): void {
    const now = this.now()
    if (lease.leakReported && lease.session !== undefined) {
      this.publish({
        _tag: "LeakReturned",
        sessionId: lease.session.info.id,
        holder: holderName(lease.holder),
        heldMillis: now - lease.since
      })
    }
    this.core.release(lease, now)
  }

  private readonly dial = (id: number): void => {
    const fiber = this.fork(Effect.matchCause(this.opener.open, {
      onSuccess: (session) => {
        this.dialFibers.delete(id)
        this.attach(id, session)
      },
      onFailure: (cause) => {
        this.dialFibers.delete(id)
        const failure = cause.reasons.find((reason) => reason._tag === "Fail" || reason._tag === "Die")
        if (failure === undefined) return this.core.dialAbandoned(id)
        this.dialFailed(id, failure._tag === "Fail" ? failure.error : this.defect(failure.defect))
      }
    }))
    if (fiber.pollUnsafe() === undefined) this.dialFibers.set(id, fiber)
    // A dial that hangs is not waited for: another may start when it has become slow.
    this.timer.arm(this.now() + SLOW_LOOK_MILLIS)
  }

  private attach(id: number, session: Session): void {
    const before = this.core.ceiling.held
    const slot = this.core.dialed(id, session, this.now())
    session.onLost = (error) => {
      this.incidents.lost(error)
      this.core.lost(slot, this.now())
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
    this.core.dialFailed(id, {
      error,
      class: error.class,
      retryAfterMillis: error.class === "auth" && error.retryAfter !== undefined ? Duration.toMillis(error.retryAfter) : undefined,
      ceiling: reason._tag === "ConnectFailed" ? reason.ceiling : undefined
    }, now)
    const { gate, ceiling } = this.core
    if (ceiling.held !== undefined && before !== ceiling.held) {
      this.publish({ _tag: "CeilingLearned", held: ceiling.held, poolerSize: ceiling.poolerSize })
    }
    if (ceiling.held === undefined || error.class !== "capacity") {
      this.publish({ _tag: "DialFailed", error, open: this.core.open, retryInMillis: Math.max(0, gate.notBefore - now) })
    }
    Deferred.doneUnsafe(this.firstDial, Effect.fail(error))
    this.timer.arm(Math.max(now, gate.notBefore))
  }

  private defect(defect: unknown): SessionError {
    return SessionError.connectFailed({
      host: this.opener.endpoint.host,
      port: this.opener.endpoint.port,
      phase: "session",
      elapsedMillis: 0,
      failure: defect
    })
  }

  private silent(slot: Slot<Session>): SessionError {
    return SessionError.statementTimeout({
      host: this.opener.endpoint.host,
      port: this.opener.endpoint.port,
      phase: "query",
      elapsedMillis: this.now() - slot.session.heardAt(),
      limitMillis: SWEEP_MILLIS
    })
  }

  private readonly refusal = (outcome: "timeout" | "queue-full" | "closed", waiter: { readonly enqueuedAt: number }) => {
    switch (outcome) {
      case "closed":
        return SessionError.poolClosed({ draining: this.core.phase === "draining" })
      case "queue-full":
        return SessionError.queueFull({ maxWaiting: this.core.limits.maxWaiting, state: formatSnapshot(this.snapshot()) })
      case "timeout": {
        const now = this.now()
        const failure = this.core.gate.failures > 0 ? this.lastFailure : undefined
        return SessionError.acquireTimeout({
          waitedMillis: now - waiter.enqueuedAt,
          poolName: this.name,
          state: formatSnapshot(this.snapshot()),
          holders: Array.from(this.core.slots).filter((slot) => slot.state === "used").map((slot) => holderLine(slot, now)),
          lastFailure: failure?.message,
          lastFailureCode: failure?.code
        })
      }
    }
  }

  private readonly sweep = (): number => {
    const now = this.now()
    const wish = this.core.tick(now)
    const leakMillis = this.config.pool.leakThreshold === undefined ? undefined : Duration.toMillis(this.config.pool.leakThreshold)
    const statementMillis = Duration.toMillis(this.config.statementTimeout)
    for (const slot of this.core.slots) {
      if (statementMillis > 0) this.watchStatement(slot, now, statementMillis + STATEMENT_GRACE_MILLIS)
      if (leakMillis !== undefined) this.watchLeak(slot, now, leakMillis)
    }
    const calm = this.core.slots.size === 0 && this.core.dials.size === 0 && this.core.waiters.size === 0
    const next = calm && this.core.limits.min === 0 ? Number.POSITIVE_INFINITY : now + SWEEP_MILLIS
    return Math.min(wish, next)
  }

  private watchStatement(slot: Slot<Session>, now: number, limit: number): void {
    const { session } = slot
    if (session.busySince === 0 || now - session.busySince < limit || session.lost !== undefined) return
    const error = SessionError.statementTimeout({
      host: this.opener.endpoint.host,
      port: this.opener.endpoint.port,
      phase: "query",
      elapsedMillis: now - session.busySince,
      limitMillis: limit
    })
    this.publish({ _tag: "StatementOverdue", sessionId: session.info.id, holder: holderName(slot.lease?.holder), error })
    session.kill(error)
  }

  private watchLeak(slot: Slot<Session>, now: number, threshold: number): void {
    const { lease } = slot
    if (lease === undefined || lease.leakReported || lease.longLived || now - lease.since < threshold) return
    lease.leakReported = true
    this.core.counters.leaksSuspected++
    this.publish({
      _tag: "LeakSuspected",
      sessionId: slot.session.info.id,
      holder: holderName(lease.holder),
      heldMillis: now - lease.since,
      statement: slot.session.statement
    })
  }
}

/** A first look at a dial that has just begun; see SLOW_DIAL_MILLIS. */
const SLOW_LOOK_MILLIS = 500

/** Builds the pool in the current scope; its end drains it. */
export const makePool = Effect.fnUntraced(function*(config: Settings, opener: SessionOpener["Service"]) {
  const pubsub = yield* PubSub.sliding<PoolEvent>({ capacity: BUFFERED_EVENTS, replay: REPLAYED_EVENTS })
  const random = yield* Random.Random
  const runtime = new PoolRuntime({
    config,
    opener,
    context: yield* Effect.context<never>(),
    clock: yield* Clock.Clock,
    random: () => random.nextDoubleUnsafe(),
    pubsub
  })
  const drain = yield* drainPool(runtime)
  yield* Effect.addFinalizer(() => Effect.andThen(drain, PubSub.shutdown(pubsub)))
  runtime.start()
  yield* firstSession(runtime)
  const sqlRefusal = (error: SessionError): SqlError => toSqlError(error, "acquire")
  const service: SessionPool["Service"] = {
    name: runtime.name,
    endpoint: opener.endpoint,
    use: runtime.lend((error) => error),
    get: runtime.reserve((error) => error),
    borrow: runtime.lend(sqlRefusal),
    reserve: runtime.reserve(sqlRefusal),
    snapshot: Effect.sync(() => runtime.snapshot()),
    ledger: Effect.sync(() => Array.from(runtime.core.slots, (slot) => ledgerEntry(slot, runtime.now()))),
    events: Stream.fromPubSub(pubsub),
    renew: Effect.sync(() => {
      for (const slot of Array.from(runtime.core.slots)) runtime.core.evict(slot)
    }),
    drain
  }
  return service
})

/** Waits for what the first dial brings, as far as the start-up setting asks. */
const firstSession = (runtime: PoolRuntime): Effect.Effect<void, SessionError> => {
  const { startup } = runtime.config
  if (startup === "lazy") return Effect.void
  return Effect.catch(Deferred.await(runtime.firstDial), (error) => {
    const permanent = error.class === "auth" || error.class === "configuration"
    return startup === "fail-fast" || permanent
      ? Effect.fail(error)
      : Effect.logWarning(`No session yet, trying on: ${error.message}. ${error.remedy}`)
  })
}
