/**
 * The pool's state machine. Synchronous and without effects of its own.
 *
 * It requests actions through its hooks (dial, probe, recover, close) and is notified of their results. That makes it
 * fast, because acquiring an idle session is a pop from a stack, and testable: a property test drives it with random
 * histories and compares it with a simpler model.
 *
 * Its invariant: `connecting + idle + used + closing <= max` at every instant.
 */
import type { SessionError } from "../../errors/SessionError.ts"
import * as Ceiling from "./Ceiling.ts"
import { nextDialAt, shouldDial, type GrowthInput } from "./GrowthPolicy.ts"
import * as DialBackoff from "./DialBackoff.ts"
import { type Lease, Slot, type SlotSession } from "./Lease.ts"
import { type AcquireOutcome, type CloseReason, emptyCounters, type PoolPhase } from "./Snapshot.ts"
import type { ErrorClass } from "../../errors/catalogue/Entry.ts"
import { Histogram } from "../../stats/Histogram.ts"
import { IdleStack } from "./IdleStack.ts"
import { Trampoline } from "./Trampoline.ts"
import { WaitQueue } from "./WaitQueue.ts"

/** Times are milliseconds. */
export interface PoolLimits {
  readonly min: number
  readonly max: number
  readonly maxWaiting: number
  readonly idleTimeout: number
  readonly maxLifetime: number
  /** Whether one session is opened at the start even when `min` is 0, to verify that it is possible. */
  readonly openAtStart: boolean
}

/** Acquires that the pool itself rejects. */
export type Rejection = Extract<AcquireOutcome, "timeout" | "queue-full" | "closed">

/** The actions that the state machine requests. They run after the step that requested them and may call back at once. */
export interface PoolHooks<S extends SlotSession> {
  readonly dial: (id: number) => void
  readonly probe: (slot: Slot<S>) => void
  readonly recover: (slot: Slot<S>) => void
  readonly close: (slot: Slot<S>, reason: CloseReason) => void
  readonly acquireError: (outcome: Rejection, waiter: Lease<S>) => SessionError
  /** In [0, 1). */
  readonly random: () => number
  /** Called after every step while the pool drains. */
  readonly onStep: () => void
}

export interface DialFailure {
  readonly error: SessionError
  readonly class: ErrorClass
  /** Retrying does not help. */
  readonly permanent: boolean
  readonly retryAfterMillis: number | undefined
  readonly ceiling: number | undefined
}

/** A session whose peer has been silent for longer is probed before it is leased (the bound that pgx uses, too). */
const SILENCE_MILLIS = 1000

/** Up to a tenth of the lifetime is subtracted at random, so that sessions opened together do not expire together. */
const LIFETIME_JITTER = 0.1

export class PoolCore<S extends SlotSession> implements GrowthInput {
  readonly limits: PoolLimits
  readonly waiters = new WaitQueue<Lease<S>>()
  readonly slots = new Set<Slot<S>>()
  readonly counters = emptyCounters()
  readonly waitTime = new Histogram()
  readonly useTime = new Histogram()
  phase: PoolPhase = "starting"
  backoff: DialBackoff.DialBackoff = DialBackoff.initialBackoff
  ceiling: Ceiling.Ceiling = Ceiling.noCeiling
  used = 0
  closing = 0
  probing = 0
  readonly dials = new Map<number, number>()

  private readonly hooks: PoolHooks<S>
  private readonly actions = new Trampoline(() => {
    if (this.phase === "draining") this.hooks.onStep()
  })
  private readonly idleStack = new IdleStack<S>()
  private lastDialId = 0
  /** One session is to be opened even when `min` is 0. */
  private mustOpenOne: boolean
  /** The session that waits for its replacement. */
  private retiring: Slot<S> | undefined = undefined
  /** A session whose peer has not sent anything since then is probed before it is leased. Set when another is lost. */
  private validationRequestedAt = Number.NEGATIVE_INFINITY
  /** A failure that retrying does not help: until the next dial is due, acquires fail with it at once. */
  private permanentFailure: SessionError | undefined = undefined

  constructor(limits: PoolLimits, hooks: PoolHooks<S>) {
    this.limits = limits
    this.hooks = hooks
    this.mustOpenOne = limits.openAtStart
  }

  get idle(): number {
    return this.idleStack.size + this.probing
  }

  get open(): number {
    return this.idle + this.used
  }

  get total(): number {
    return this.dials.size + this.open + this.closing
  }

  get waiting(): number {
    return this.waiters.size
  }

  get targetOpen(): number {
    return this.mustOpenOne ? Math.max(1, this.limits.min) : this.limits.min
  }

  get isRotating(): boolean {
    return this.retiring !== undefined
  }

  private get isEnding(): boolean {
    return this.phase === "draining" || this.phase === "closed"
  }

  /** Acquires an idle session; false when the caller has to wait in the queue. */
  tryAcquire(lease: Lease<S>, now: number): boolean {
    if (this.waiters.size > 0 || this.isEnding) return false
    const slot = this.findUsable(now)
    if (slot === undefined) return false
    this.idleStack.remove(slot)
    if (!lease.isShared) {
      this.counters.acquired.immediate++
      this.waitTime.recordMillis(0)
    }
    this.assign(slot, lease, now)
    return true
  }

  /** Acquires the idle session that has been silent for longest, for a health check, which does not count as a use. */
  tryAcquireSilent(lease: Lease<S>, now: number): boolean {
    if (this.waiters.size > 0 || this.isEnding) return false
    const slot = this.idleStack.earliest(({ session }) => session.lastReceivedAt())
    if (slot === undefined) return false
    this.idleStack.remove(slot)
    lease.idleSince = slot.idleSince
    this.assign(slot, lease, now)
    return true
  }

  /** Adds a caller to the end of the queue; returns the error when it is rejected. */
  enqueue(lease: Lease<S>, now: number, deadline: number): SessionError | undefined {
    if (this.isEnding) return this.reject("closed", lease)
    if (this.open === 0 && this.permanentFailure !== undefined && now < this.backoff.notBefore) {
      if (!lease.isShared) this.counters.acquired.failed++
      return this.permanentFailure
    }
    if (this.waiters.size >= this.limits.maxWaiting) return this.reject("queue-full", lease)
    lease.state = "waiting"
    lease.enqueuedAt = now
    lease.deadline = deadline
    this.waiters.push(lease)
    this.dispatch(now)
    this.actions.run()
    return undefined
  }

  /** Ends a lease in any state: removes it from the queue, or returns its session. */
  release(lease: Lease<S>, now: number): void {
    const state = lease.state
    lease.state = "over"
    if (state === "waiting") {
      this.waiters.remove(lease)
      if (!lease.isShared) this.counters.acquired.abandoned++
      lease.onWake = undefined
      return
    }
    const slot = lease.slot
    if (state !== "held" || slot === undefined) return
    lease.slot = undefined
    slot.lease = undefined
    if (lease.idleSince === undefined && !lease.isShared) this.useTime.recordMillis(now - lease.since)
    if (slot.state !== "used") return
    if (this.isEnding) {
      this.close(slot, "drain")
    } else if (!slot.session.isClean()) {
      this.recover(slot)
    } else {
      this.used--
      this.makeAvailable(slot, now, lease.idleSince)
    }
    this.actions.run()
  }

  /** A recovery ended: the session is reused or closed. */
  recovered(slot: Slot<S>, clean: boolean, now: number): void {
    if (slot.state !== "recovering") return
    if (!clean || this.isEnding) {
      this.close(slot, clean ? "drain" : "not-recovered")
      this.dispatch(now)
    } else {
      this.used--
      this.makeAvailable(slot, now)
    }
    this.actions.run()
  }

  probed(slot: Slot<S>, answered: boolean, now: number): void {
    if (slot.state !== "probing") return
    this.probing--
    if (answered && (this.isEnding || slot.session.isClean())) {
      this.makeAvailable(slot, now)
    } else if (answered) {
      // Its peer answers, but its state must be reset first: made available as it is, it would be probed for ever.
      this.used++
      this.recover(slot)
      this.dispatch(now)
    } else {
      this.validationRequestedAt = now
      this.close(slot, "probe-failed", false)
      this.dispatch(now)
    }
    this.actions.run()
  }

  dialed(id: number, session: S, now: number): Slot<S> {
    this.dials.delete(id)
    this.counters.dialsSucceeded++
    this.permanentFailure = undefined
    this.backoff = DialBackoff.afterSuccess(this.backoff, now)
    const lifetime = this.limits.maxLifetime * (1 - LIFETIME_JITTER * this.hooks.random())
    const slot = new Slot(session, now, now + lifetime)
    this.slots.add(slot)
    if (this.phase === "starting") this.phase = "open"
    this.mustOpenOne = false
    this.ceiling = Ceiling.afterOpened(this.ceiling, this.open + 1, this.limits.max, now)
    const retired = this.retiring
    this.retiring = undefined
    this.makeAvailable(slot, now)
    // Where the pool needs the new session in addition, the old one stays and is rotated later.
    if (retired?.state === "idle" && this.open > this.limits.min) this.retire(retired, "lifetime")
    this.actions.run()
    return slot
  }

  /**
   * A dial failed. A failure for lack of capacity sets the ceiling; callers go on waiting while a session is open. A
   * permanent failure (password, configuration) fails the waiters only when no session is left to wait for.
   */
  dialFailed(id: number, failure: DialFailure, now: number): void {
    this.dials.delete(id)
    this.counters.dialsFailed[failure.class]++
    this.retiring = undefined
    if (failure.class === "capacity" && this.open > 0) {
      this.ceiling = Ceiling.afterRefused(this.ceiling, this.open, failure.ceiling, now, this.hooks.random())
    } else {
      this.backoff = DialBackoff.afterFailure(this.backoff, failure, now, this.hooks.random())
      this.permanentFailure = failure.permanent ? failure.error : undefined
      if (failure.permanent && this.open === 0) this.failWaiters(failure.error)
    }
    this.dispatch(now)
    this.actions.run()
  }

  /** No login is tried for a while, because too many were refused: acquires fail with the reason at once. */
  pauseDials(error: SessionError): void {
    if (this.open > 0) return
    this.permanentFailure = error
    this.failWaiters(error)
    this.actions.run()
  }

  /** A dial was interrupted by the drain. */
  dialAbandoned(id: number): void {
    this.dials.delete(id)
    this.actions.run()
  }

  /** A session was lost and its socket is closed: frees its slot. True when it was the last open session. */
  sessionLost(slot: Slot<S>, now: number, shutdown = false): boolean {
    if (slot.state === "gone") return false
    const wasClosing = slot.state === "closing"
    this.freeSlot(slot)
    if (!wasClosing) {
      this.counters.closed.lost++
      if (shutdown) this.backoff = DialBackoff.afterShutdown(this.backoff, now)
      this.validationRequestedAt = now
    }
    const last = !wasClosing && this.open === 0
    if (last) this.backoff = DialBackoff.afterOutage(this.backoff)
    this.dispatch(now)
    this.actions.run()
    return last
  }

  /** The socket of a closing session is closed: frees its slot. */
  sessionClosed(slot: Slot<S>, now: number): void {
    if (slot.state === "gone") return
    this.freeSlot(slot)
    this.dispatch(now)
    this.actions.run()
  }

  /** Has every session probed before its next lease, the idle ones now; without an open session, dials one. */
  validateAll(now: number): void {
    if (this.isEnding) return
    this.validationRequestedAt = now
    this.mustOpenOne = this.open === 0
    for (const slot of this.idleStack.clear()) this.probe(slot)
    this.dispatch(now)
    this.actions.run()
  }

  /** Closes a session: an idle one now, a used one on release. */
  evict(slot: Slot<S>): void {
    slot.evicted = true
    if (slot.state === "idle") this.retire(slot, "evicted")
    this.actions.run()
  }

  /** Handles expired waiters, idle sessions above `min` and one rotation. Returns when it must be called again. */
  tick(now: number): number {
    const earliest = this.waiters.expire(now, (waiter) => this.endWait(waiter, this.reject("timeout", waiter)))
    this.closeIdle(now)
    this.rotate(now)
    this.dispatch(now)
    this.actions.run()
    return Math.min(earliest, nextDialAt(this, now))
  }

  /** Starts the drain: rejects waiters and new callers, closes idle sessions. */
  drain(): void {
    if (this.isEnding) return
    this.phase = "draining"
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      this.endWait(waiter, this.reject("closed", waiter))
    }
    for (const slot of this.idleStack.clear()) this.close(slot, "drain", false)
    this.actions.run()
  }

  /** Counts a rejected acquire and creates its error. */
  reject(outcome: Rejection, waiter: Lease<S>): SessionError {
    if (!waiter.isShared) this.counters.acquired[outcome]++
    return this.hooks.acquireError(outcome, waiter)
  }

  private failWaiters(error: SessionError): void {
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      if (!waiter.isShared) this.counters.acquired.failed++
      this.endWait(waiter, error)
    }
  }

  /** Fails a waiter that has been removed from the queue. */
  private endWait(waiter: Lease<S>, error: SessionError): void {
    waiter.state = "over"
    this.actions.defer(() => waiter.wake(error))
  }

  /** Serves the waiters: assigns sessions, probes those that need it, dials those that are missing. */
  private dispatch(now: number): void {
    if (this.isEnding) return
    // A usable session goes to the first waiter even while a probe for that waiter is in progress: the probed peer may
    // be dead, and the probe then ends with its timeout.
    while (this.waiters.size > 0) {
      const slot = this.findUsable(now)
      if (slot === undefined) break
      this.idleStack.remove(slot)
      this.handOff(slot, now)
    }
    while (this.waiters.size > this.probing && this.idleStack.size > 0) this.probe(this.idleStack.pop()!)
    while (shouldDial(this, now)) {
      const id = ++this.lastDialId
      this.dials.set(id, now)
      this.counters.dialsStarted++
      this.actions.defer(() => this.hooks.dial(id))
    }
  }

  private handOff(slot: Slot<S>, now: number): void {
    const waiter = this.waiters.shift()!
    if (!waiter.isShared) {
      this.counters.acquired.waited++
      this.waitTime.recordMillis(now - waiter.enqueuedAt)
    }
    this.assign(slot, waiter, now)
    this.actions.defer(waiter)
  }

  private assign(slot: Slot<S>, lease: Lease<S>, now: number): void {
    slot.state = "used"
    slot.uses++
    slot.lease = lease
    lease.slot = slot
    lease.state = "held"
    lease.since = now
    this.used++
  }

  /**
   * Puts a session that is not counted anywhere into the idle stack, then assigns, rotates or closes it. A session that
   * was not used meanwhile stays idle since `unusedSince`, below those that were.
   */
  private makeAvailable(slot: Slot<S>, now: number, unusedSince?: number): void {
    slot.state = "idle"
    slot.idleSince = unusedSince ?? now
    if (unusedSince === undefined) this.idleStack.push(slot)
    else this.idleStack.pushBottom(slot)
    if (this.isEnding) return this.retire(slot, "drain")
    if (slot.evicted) this.retire(slot, "evicted")
    else if (now >= slot.expiresAt && this.canRotate()) this.replace(slot, now)
    // The oldest waiter gets the session at once, so that no new caller overtakes it. When the session was closed
    // instead, there may be room to dial for a waiter.
    this.dispatch(now)
  }

  private needsValidation(slot: Slot<S>, now: number): boolean {
    const receivedAt = slot.session.lastReceivedAt()
    return now - receivedAt > SILENCE_MILLIS || receivedAt < this.validationRequestedAt || !slot.session.isClean()
  }

  /** The topmost session that needs no probe: a silent one must not hide a usable one below it. */
  private findUsable(now: number): Slot<S> | undefined {
    for (let height = this.idleStack.size - 1; height >= 0; height--) {
      const slot = this.idleStack.at(height)!
      if (!this.needsValidation(slot, now)) return slot
    }
    return undefined
  }

  /** Probes an idle session that has been removed from the stack. */
  private probe(slot: Slot<S>): void {
    slot.state = "probing"
    this.probing++
    this.counters.probes++
    this.actions.defer(() => this.hooks.probe(slot))
  }

  /** Resets a session that is counted as used. */
  private recover(slot: Slot<S>): void {
    slot.state = "recovering"
    this.counters.recoveries++
    this.actions.defer(() => this.hooks.recover(slot))
  }

  private closeIdle(now: number): void {
    while (this.idleStack.size > 0 && this.open > this.limits.min) {
      const oldest = this.idleStack.earliest((slot) => slot.idleSince)
      if (oldest === undefined || now - oldest.idleSince < this.limits.idleTimeout) return
      this.retire(oldest, "idle")
    }
  }

  /** Replaces one expired session at a time: dials first where there is room, else closes the old one first. */
  private rotate(now: number): void {
    if (!this.canRotate()) return
    const expired = this.idleStack.expired(now)
    if (expired !== undefined) this.replace(expired, now)
  }

  private replace(slot: Slot<S>, now: number): void {
    const room = this.total < Ceiling.limit(this.ceiling, this.limits.max, now)
    if (this.open > this.limits.min || !room) this.retire(slot, "lifetime")
    else this.retiring = slot
  }

  private canRotate(): boolean {
    // A dial in progress may be the replacement of the rotation before.
    if (this.retiring !== undefined || this.dials.size > 0) return false
    for (const slot of this.slots) if (slot.state === "closing") return false
    return true
  }

  private retire(slot: Slot<S>, reason: CloseReason): void {
    this.idleStack.remove(slot)
    this.close(slot, reason, false)
  }

  /** `isUsed`: whether the slot is counted as used. */
  private close(slot: Slot<S>, reason: CloseReason, isUsed = true): void {
    if (isUsed) this.used--
    slot.state = "closing"
    this.closing++
    this.counters.closed[reason]++
    this.actions.defer(() => this.hooks.close(slot, reason))
  }

  private freeSlot(slot: Slot<S>): void {
    switch (slot.state) {
      case "idle":
        this.idleStack.remove(slot)
        break
      case "probing":
        this.probing--
        break
      case "used":
      case "recovering":
        this.used--
        break
      case "closing":
        this.closing--
        break
      case "gone":
        return
    }
    slot.state = "gone"
    if (this.retiring === slot) this.retiring = undefined
    this.slots.delete(slot)
  }
}
