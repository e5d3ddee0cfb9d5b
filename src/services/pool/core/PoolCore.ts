/**
 * The pool's state machine: who waits, what stands, what is done next. Synchronous, without effects of its own.
 *
 * Everything it wants done it asks of its hooks (dial, probe, recover, close), and everything that happened it is
 * told. That makes it fast, because lending an idle session is a pop from a stack, and testable, because a property test can drive
 * it with random histories and compare it with a simpler model.
 *
 * The rule above all: `connecting + idle + used + closing <= max`, at every instant.
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

/** The numbers a pool is built with. Times are milliseconds. */
export interface PoolLimits {
  readonly min: number
  readonly max: number
  readonly maxWaiting: number
  readonly idleTimeout: number
  readonly maxLifetime: number
  /** Whether a session is opened at the start even when `min` is 0, to prove that one can be. */
  readonly openAtStart: boolean
}

/** What the state machine wants done. They run after the step that asked for them, so they may call back at once. */
export interface PoolHooks<S extends SlotSession> {
  readonly dial: (id: number) => void
  readonly probe: (slot: Slot<S>) => void
  readonly recover: (slot: Slot<S>) => void
  readonly close: (slot: Slot<S>, reason: CloseReason) => void
  readonly acquireError: (outcome: "timeout" | "queue-full" | "closed", waiter: Lease<S>) => SessionError
  readonly random: () => number
  /** Called after every step. */
  readonly onStep: () => void
}

/** A failed dial, as far as the state machine is concerned. */
export interface DialFailure {
  readonly error: SessionError
  readonly class: ErrorClass
  /** It does not pass by itself, so there is nothing to wait for. */
  readonly permanent: boolean
  readonly retryAfterMillis: number | undefined
  readonly ceiling: number | undefined
}

/** A session silent for longer is asked whether its peer still answers before it is lent (pgx's bound, too). */
const SILENCE_MILLIS = 1000

/** Up to a tenth of the lifetime is taken off at random, so that sessions opened together do not end together. */
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
  /** Dials under way, by id, with the instant they began. */
  readonly dials = new Map<number, number>()

  private readonly hooks: PoolHooks<S>
  private readonly actions = new Trampoline(() => {
    if (this.phase === "draining") this.hooks.onStep()
  })
  private readonly stack = new IdleStack<S>()
  private lastDialId = 0
  /** A session is wanted even when `min` is 0, to prove that one can be had. */
  private mustOpenOne: boolean
  /** The session that waits for its replacement. */
  private retiring: Slot<S> | undefined = undefined
  /** Sessions that were alive before a loss elsewhere are suspect until they were heard of again. */
  private trustedSince = Number.NEGATIVE_INFINITY
  /** A failure that does not pass by itself: until the next dial is due, whoever comes is told at once. */
  private permanentFailure: SessionError | undefined = undefined

  constructor(limits: PoolLimits, hooks: PoolHooks<S>) {
    this.limits = limits
    this.hooks = hooks
    this.mustOpenOne = limits.openAtStart
  }

  get idle(): number {
    return this.stack.size + this.probing
  }

  get waiting(): number {
    return this.waiters.size
  }

  get max(): number {
    return this.limits.max
  }

  get targetOpen(): number {
    return this.mustOpenOne ? Math.max(1, this.limits.min) : this.limits.min
  }

  get rotating(): boolean {
    return this.retiring !== undefined
  }

  private get ending(): boolean {
    return this.phase === "draining" || this.phase === "closed"
  }

  get open(): number {
    return this.idle + this.used
  }

  get total(): number {
    return this.dials.size + this.open + this.closing
  }

  /** Lends an idle session at once; false when the borrower has to wait in the queue. */
  tryAcquire(lease: Lease<S>, now: number): boolean {
    if (this.waiters.size > 0 || this.ending) return false
    const slot = this.findUsable(now)
    if (slot === undefined) return false
    this.stack.remove(slot)
    if (!lease.isShared) {
      this.counters.acquired.immediate++
      this.waitTime.recordMillis(0)
    }
    this.assign(slot, lease, now)
    return true
  }

  /** Lends the idle session that has been silent for longest, to be looked at: that is no use, and counts as none. */
  tryAcquireSilent(lease: Lease<S>, now: number): boolean {
    const slot = this.waiters.size > 0 || this.ending ? undefined : this.findLongestSilent()
    if (slot === undefined) return false
    this.stack.remove(slot)
    lease.idleSince = slot.idleSince
    this.assign(slot, lease, now)
    return true
  }

  /** Puts a borrower at the end of the queue; a refusal is returned, not thrown. */
  enqueue(lease: Lease<S>, now: number, deadline: number): SessionError | undefined {
    if (this.ending) return this.reject("closed", lease)
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

  /** Ends a lease in whatever state it is: a waiter leaves the queue, a held session comes back. */
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
    if (this.ending) {
      this.close(slot, "drain")
    } else if (!slot.session.isClean()) {
      this.recover(slot)
    } else {
      this.used--
      this.makeAvailable(slot, now, lease.idleSince)
    }
    this.actions.run()
  }

  /** A recovery ended: the session goes on, or is closed. */
  recovered(slot: Slot<S>, clean: boolean, now: number): void {
    if (slot.state !== "recovering") return
    if (!clean || this.ending) {
      this.close(slot, clean ? "drain" : "not-recovered")
      this.dispatch(now)
    } else {
      this.used--
      this.makeAvailable(slot, now)
    }
    this.actions.run()
  }

  /** A probe ended. */
  probed(slot: Slot<S>, answered: boolean, now: number): void {
    if (slot.state !== "probing") return
    this.probing--
    if (answered && (this.ending || slot.session.isClean())) {
      this.makeAvailable(slot, now)
    } else if (answered) {
      // It is alive but was left in a state that cannot be lent: offered as it is, it would be probed for ever.
      this.used++
      this.recover(slot)
      this.dispatch(now)
    } else {
      this.requireValidation(now)
      this.close(slot, "probe-failed", false)
      this.dispatch(now)
    }
    this.actions.run()
  }

  /** A dial succeeded. */
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
    this.ceiling = Ceiling.afterGrant(this.ceiling, this.open + 1, this.limits.max, now)
    const retired = this.retiring
    this.retiring = undefined
    this.makeAvailable(slot, now)
    // The new session may have been needed for itself: then the old one stays, and its turn comes again.
    if (retired?.state === "idle" && this.open > this.limits.min) this.retire(retired, "lifetime")
    this.actions.run()
    return slot
  }

  /**
   * A dial failed. Refusals for want of room teach the ceiling and hurt nobody while a session of ours stands; a wrong
   * password or configuration fails those who wait only when there is no session left to wait for.
   */
  dialFailed(id: number, failure: DialFailure, now: number): void {
    this.dials.delete(id)
    this.counters.dialsFailed[failure.class]++
    this.retiring = undefined
    if (failure.class === "capacity" && this.open > 0) {
      this.ceiling = Ceiling.afterRefusal(this.ceiling, this.open, failure.ceiling, now, this.hooks.random())
    } else {
      this.backoff = DialBackoff.afterFailure(this.backoff, failure, now, this.hooks.random())
      this.permanentFailure = failure.permanent ? failure.error : undefined
      if (failure.permanent && this.open === 0) this.failWaiters(failure.error, "failed")
    }
    this.dispatch(now)
    this.actions.run()
  }

  /** A dial was given up, by shutdown: nothing is learned from it. */
  dialAbandoned(id: number): void {
    this.dials.delete(id)
    this.actions.run()
  }

  /** A session was lost without our doing: its socket is closed, so its slot is free. True when it was the last one. */
  sessionLost(slot: Slot<S>, now: number, shutdown = false): boolean {
    if (slot.state === "gone") return false
    const wasClosing = slot.state === "closing"
    this.freeSlot(slot)
    if (!wasClosing) {
      this.counters.closed.lost++
      if (shutdown) this.backoff = DialBackoff.afterShutdown(this.backoff, now)
      this.requireValidation(now)
    }
    const last = !wasClosing && this.open === 0
    if (last) this.backoff = DialBackoff.afterOutage(this.backoff)
    this.dispatch(now)
    this.actions.run()
    return last
  }

  /** The socket of a closing session is closed: the slot is free. */
  sessionClosed(slot: Slot<S>, now: number): void {
    if (slot.state === "gone") return
    this.freeSlot(slot)
    this.dispatch(now)
    this.actions.run()
  }

  /** Suspects all and asks the idle ones now; where none stands, one is opened as soon as dials go. */
  validateAll(now: number): void {
    if (this.ending) return
    this.requireValidation(now)
    this.mustOpenOne = this.open === 0
    for (const slot of this.stack.clear()) this.probe(slot)
    this.dispatch(now)
    this.actions.run()
  }

  /** Marks a session that must not be lent again. An idle one is closed now, a used one when it comes back. */
  evict(slot: Slot<S>): void {
    slot.evicted = true
    if (slot.state === "idle") this.retire(slot, "evicted")
    this.actions.run()
  }

  /**
   * Periodic work: waiters whose time is up, idle sessions above `min`, one rotation by lifetime. Returns the instant
   * when it wants to be called again at the latest.
   */
  tick(now: number): number {
    const earliest = this.waiters.expire(now, (waiter) => {
      waiter.state = "over"
      this.wake(waiter, this.reject("timeout", waiter))
    })
    this.closeIdle(now)
    this.rotate(now)
    this.dispatch(now)
    this.actions.run()
    return Math.min(earliest, nextDialAt(this, now))
  }

  /** Begins the end: refuses who waits and who comes, lets go of what is idle. */
  drain(): void {
    if (this.ending) return
    this.phase = "draining"
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      waiter.state = "over"
      this.wake(waiter, this.reject("closed", waiter))
    }
    for (const slot of this.stack.clear()) this.close(slot, "drain", false)
    this.actions.run()
  }

  private wake(waiter: Lease<S>, refusal: SessionError): void {
    this.actions.defer(() => waiter.wake(refusal))
  }

  /** Lends what can be lent, probes what has to be probed, dials what is missing. */
  private dispatch(now: number): void {
    if (this.ending) return
    // A session that is good goes to the first waiter even while a probe is under way for that waiter: the peer that is
    // asked may be dead, and its answer a timeout.
    while (this.waiters.size > 0) {
      const slot = this.findUsable(now)
      if (slot === undefined) break
      this.stack.remove(slot)
      this.handOff(slot, now)
    }
    while (this.waiters.size > this.probing && this.stack.size > 0) this.probe(this.stack.pop()!)
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

  /** A session that is free and not counted anywhere: to the first waiter, to the stack, or away. */
  private makeAvailable(slot: Slot<S>, now: number, unusedSince?: number): void {
    this.pushIdle(slot, now, unusedSince)
    if (this.ending) return this.retire(slot, "drain")
    if (slot.evicted) this.retire(slot, "evicted")
    else if (now >= slot.expiresAt && this.canRotate()) this.replace(slot, now)
    // Hand-off is direct: whoever waited longest gets it, and no newcomer can come in between. One that goes instead
    // may leave somebody waiting for whom there is room to dial.
    this.dispatch(now)
  }

  private failWaiters(error: SessionError, outcome: AcquireOutcome): void {
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      waiter.state = "over"
      if (!waiter.isShared) this.counters.acquired[outcome]++
      this.wake(waiter, error)
    }
  }

  /** Counts a refusal and puts it into words. */
  reject(outcome: "timeout" | "queue-full" | "closed", waiter: Lease<S>): SessionError {
    if (!waiter.isShared) this.counters.acquired[outcome]++
    return this.hooks.acquireError(outcome, waiter)
  }

  private needsValidation(slot: Slot<S>, now: number): boolean {
    const heard = slot.session.heardAt()
    return now - heard > SILENCE_MILLIS || heard < this.trustedSince || !slot.session.isClean()
  }

  /** The session nearest the top that can be lent unasked: one that went silent must not hide a good one below it. */
  private findUsable(now: number): Slot<S> | undefined {
    for (let height = this.stack.size - 1; height >= 0; height--) {
      const slot = this.stack.at(height)!
      if (!this.needsValidation(slot, now)) return slot
    }
    return undefined
  }

  /** The idle session whose peer has not been heard of for longest. */
  private findLongestSilent(): Slot<S> | undefined {
    let found = this.stack.at(0)
    for (let height = 1; height < this.stack.size; height++) {
      const slot = this.stack.at(height)!
      if (found === undefined || slot.session.heardAt() < found.session.heardAt()) found = slot
    }
    return found
  }

  /** Every session alive now is asked for a sign of life before it is lent again. */
  private requireValidation(now: number): void {
    this.trustedSince = now
  }

  /** Puts a session to the idle ones: one that was not used meanwhile goes on being idle, below those that were. */
  private pushIdle(slot: Slot<S>, now: number, unusedSince: number | undefined): void {
    slot.state = "idle"
    slot.idleSince = unusedSince ?? now
    if (unusedSince === undefined) this.stack.push(slot)
    else this.stack.pushBottom(slot)
  }

  /** Asks an idle session, out of the stack already, for a sign of life. */
  private probe(slot: Slot<S>): void {
    slot.state = "probing"
    this.probing++
    this.counters.probes++
    this.actions.defer(() => this.hooks.probe(slot))
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

  /** A session counted as used is made clean before anybody gets it. */
  private recover(slot: Slot<S>): void {
    slot.state = "recovering"
    this.counters.recoveries++
    this.actions.defer(() => this.hooks.recover(slot))
  }

  private closeIdle(now: number): void {
    while (this.stack.size > 0 && this.open > this.limits.min) {
      const oldest = this.stack.longestIdle()
      if (oldest === undefined || now - oldest.idleSince < this.limits.idleTimeout) return
      this.retire(oldest, "idle")
    }
  }

  /** Replaces one expired session at a time: the new one first where there is room, else the old one leaves first. */
  private rotate(now: number): void {
    if (!this.canRotate()) return
    const expired = this.stack.expired(now)
    if (expired !== undefined) this.replace(expired, now)
  }

  private replace(slot: Slot<S>, now: number): void {
    const room = this.total < Ceiling.limit(this.ceiling, this.limits.max, now)
    if (this.open > this.limits.min || !room) this.retire(slot, "lifetime")
    else this.retiring = slot
  }

  private canRotate(): boolean {
    // A replacement under way belongs to the rotation before.
    if (this.retiring !== undefined || this.dials.size > 0) return false
    for (const slot of this.slots) if (slot.state === "closing") return false
    return true
  }

  private retire(slot: Slot<S>, reason: CloseReason): void {
    this.stack.remove(slot)
    this.close(slot, reason, false)
  }

  /** `counted`: whether the slot is among the used ones. */
  private close(slot: Slot<S>, reason: CloseReason, counted = true): void {
    if (counted) this.used--
    slot.state = "closing"
    this.closing++
    this.counters.closed[reason]++
    this.actions.defer(() => this.hooks.close(slot, reason))
  }

  private freeSlot(slot: Slot<S>): void {
    switch (slot.state) {
      case "idle":
        this.stack.remove(slot)
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
