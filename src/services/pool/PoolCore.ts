/**
 * The pool's state machine: who waits, what stands, what is done next. Synchronous, without effects of its own.
 *
 * Everything it wants done it asks of its hooks (dial, probe, recover, close), and everything that happened it is
 * told. That makes it fast, because lending an idle session is a pop from a stack, and testable, because a property test can drive
 * it with random histories and compare it with a simpler model.
 *
 * The rule above all: `connecting + idle + used + closing <= max`, at every instant.
 */
import type { ErrorClass } from "../error-catalogue/Entry.ts"
import type { SessionError } from "../SessionError.ts"
import * as Ceiling from "./Ceiling.ts"
import * as DialGate from "./DialGate.ts"
import { Histogram } from "./Histogram.ts"
import type { Lease } from "./Lease.ts"
import { Slot, type SlotSession } from "./Slot.ts"
import { type AcquireOutcome, type CloseReason, emptyCounters, type PoolPhase } from "./Snapshot.ts"
import { Waiters } from "./Waiters.ts"

/** The numbers a pool is built with. Times are milliseconds. */
export interface PoolLimits {
  readonly min: number
  readonly max: number
  readonly maxWaiting: number
  readonly idleTimeout: number
  readonly maxLifetime: number
  /** Whether a session is opened at the start even when `min` is 0, to prove that one can be. */
  readonly proveStart: boolean
}

/** What the state machine wants done. They run after the step that asked for them, so they may call back at once. */
export interface PoolHooks<S extends SlotSession> {
  readonly dial: (id: number) => void
  readonly probe: (slot: Slot<S>) => void
  readonly recover: (slot: Slot<S>) => void
  readonly close: (slot: Slot<S>, reason: CloseReason) => void
  readonly refusal: (outcome: "timeout" | "queue-full" | "closed", waiter: Lease<S>) => SessionError
  readonly random: () => number
  /** Called after every step. */
  readonly step: () => void
}

/** A failed dial, as far as the state machine is concerned. */
export interface DialFailure {
  readonly error: SessionError
  readonly class: ErrorClass
  readonly retryAfterMillis: number | undefined
  readonly ceiling: number | undefined
}

/** A session silent for longer is asked whether its peer still answers before it is lent (pgx's bound, too). */
export const SILENCE_MILLIS = 1000

/** A dial slower than this is not counted on any more: another may start beside it for those who wait. */
export const SLOW_DIAL_MILLIS = 500

/** Up to a tenth of the lifetime is taken off at random, so that sessions opened together do not end together. */
const LIFETIME_JITTER = 0.1

export class PoolCore<S extends SlotSession> {
  readonly limits: PoolLimits
  readonly waiters = new Waiters<Lease<S>>()
  readonly slots = new Set<Slot<S>>()
  readonly counters = emptyCounters()
  readonly waitTime = new Histogram()
  readonly useTime = new Histogram()
  phase: PoolPhase = "starting"
  gate: DialGate.DialGate = DialGate.initialGate
  ceiling: Ceiling.Ceiling = Ceiling.noCeiling
  used = 0
  closing = 0
  /** Dials under way, by id, with the instant they began. */
  readonly dials = new Map<number, number>()

  private readonly hooks: PoolHooks<S>
  private readonly pending: Array<() => void> = []
  private readonly woken: Array<Lease<S>> = []
  private flushing = false
  private readonly stack: Array<Slot<S>> = []
  private probing = 0
  private nextDial = 0
  private rotating: Slot<S> | undefined = undefined
  /** Sessions that were alive before a loss elsewhere are suspect until they were heard of again. */
  private lossAt = Number.NEGATIVE_INFINITY

  constructor(limits: PoolLimits, hooks: PoolHooks<S>) {
    this.limits = limits
    this.hooks = hooks
  }

  get idle(): number {
    return this.stack.length + this.probing
  }

  get open(): number {
    return this.idle + this.used
  }

  get total(): number {
    return this.dials.size + this.open + this.closing
  }

  /** Lends an idle session at once; false when the borrower has to wait in the queue. */
  take(lease: Lease<S>, now: number): boolean {
    if (this.waiters.size > 0 || this.phase === "draining" || this.phase === "closed") return false
    const slot = this.stack[this.stack.length - 1]
    if (slot === undefined || this.isSuspect(slot, now)) return false
    this.stack.pop()
    this.counters.acquired.immediate++
    this.waitTime.recordMillis(0)
    this.lend(slot, lease, now)
    return true
  }

  /** Puts a borrower at the end of the queue; a refusal is returned, not thrown. */
  enqueue(lease: Lease<S>, now: number, deadline: number): SessionError | undefined {
    if (this.phase === "draining" || this.phase === "closed") return this.refuse("closed", lease)
    if (this.waiters.size >= this.limits.maxWaiting) return this.refuse("queue-full", lease)
    lease.state = "waiting"
    lease.enqueuedAt = now
    lease.deadline = deadline
    this.waiters.push(lease)
    this.advance(now)
    this.flush()
    return undefined
  }

  /** Ends a lease in whatever state it is: a waiter leaves the queue, a held session comes back. */
  release(lease: Lease<S>, now: number): void {
    const state = lease.state
    lease.state = "over"
    if (state === "waiting") {
      this.waiters.remove(lease)
      this.counters.acquired.abandoned++
      lease.wake = undefined
      return
    }
    const slot = lease.slot
    if (state !== "held" || slot === undefined) return
    lease.slot = undefined
    slot.lease = undefined
    this.useTime.recordMillis(now - lease.since)
    if (slot.state !== "used") return
    if (this.phase === "draining" || this.phase === "closed") {
      this.close(slot, "drain")
    } else if (!slot.session.isClean()) {
      slot.state = "recovering"
      this.counters.recoveries++
      this.pending.push(() => this.hooks.recover(slot))
    } else {
      this.used--
      this.offer(slot, now)
    }
    this.flush()
  }

  /** A recovery ended: the session goes on, or is closed. */
  recovered(slot: Slot<S>, clean: boolean, now: number): void {
    if (slot.state !== "recovering") return
    if (!clean || this.phase === "draining" || this.phase === "closed") {
      this.close(slot, clean ? "drain" : "not-recovered")
      this.advance(now)
    } else {
      this.used--
      this.offer(slot, now)
    }
    this.flush()
  }

  /** A probe ended. */
  probed(slot: Slot<S>, answered: boolean, now: number): void {
    if (slot.state !== "probing") return
    this.probing--
    if (answered) {
      this.offer(slot, now)
    } else {
      this.suspectAll(now)
      this.close(slot, "probe-failed", false)
      this.advance(now)
    }
    this.flush()
  }

  /** A dial succeeded. */
  dialed(id: number, session: S, now: number): Slot<S> {
    this.dials.delete(id)
    this.counters.dialsSucceeded++
    this.gate = DialGate.afterSuccess(this.gate, now)
    const lifetime = this.limits.maxLifetime * (1 - LIFETIME_JITTER * this.hooks.random())
    const slot = new Slot(session, now, now + lifetime)
    this.slots.add(slot)
    if (this.phase === "starting") this.phase = "open"
    this.ceiling = Ceiling.afterGrant(this.ceiling, this.open + 1, this.limits.max, now)
    const retired = this.rotating
    this.rotating = undefined
    this.offer(slot, now)
    if (retired !== undefined && retired.state === "idle") this.retire(retired, "lifetime")
    this.flush()
    return slot
  }

  /**
   * A dial failed. Refusals for want of room teach the ceiling and hurt nobody while a session of ours stands; a wrong
   * password or configuration fails those who wait only when there is no session left to wait for.
   */
  dialFailed(id: number, failure: DialFailure, now: number): void {
    this.dials.delete(id)
    this.counters.dialsFailed[failure.class]++
    this.rotating = undefined
    if (failure.class === "capacity" && this.open > 0) {
      this.ceiling = Ceiling.afterRefusal(this.ceiling, this.open, failure.ceiling, now, this.hooks.random())
    } else {
      this.gate = DialGate.afterFailure(this.gate, failure, now, this.hooks.random())
      const permanent = failure.class === "auth" || failure.class === "configuration"
      if (permanent && this.open === 0) this.failWaiters(failure.error, "failed")
    }
    this.advance(now)
    this.flush()
  }

  /** A dial was given up, by shutdown: nothing is learned from it. */
  dialAbandoned(id: number): void {
    this.dials.delete(id)
    this.flush()
  }

  /** A session was lost without our doing: its socket is closed, so its slot is free. True when it was the last one. */
  lost(slot: Slot<S>, now: number): boolean {
    if (slot.state === "gone") return false
    const wasClosing = slot.state === "closing"
    this.leave(slot)
    if (wasClosing) return false
    this.counters.closed.lost++
    this.suspectAll(now)
    const last = this.open === 0
    if (last) this.gate = DialGate.afterOutage(this.gate)
    this.advance(now)
    this.flush()
    return last
  }

  /** The socket of a closing session is closed: the slot is free. */
  closed(slot: Slot<S>, now: number): void {
    if (slot.state === "gone") return
    this.leave(slot)
    this.advance(now)
    this.flush()
  }

  /** Every session alive now is asked for a sign of life before it is lent again. */
  suspectAll(now: number): void {
    this.lossAt = now
  }

  /** Marks a session that must not be lent again. An idle one is closed now, a used one when it comes back. */
  evict(slot: Slot<S>): void {
    slot.evicted = true
    if (slot.state === "idle") this.retire(slot, "evicted")
    this.flush()
  }

  /**
   * Periodic work: waiters whose time is up, idle sessions above `min`, one rotation by lifetime. Returns the instant
   * when it wants to be called again at the latest.
   */
  tick(now: number): number {
    const earliest = this.waiters.expire(now, (waiter) => {
      waiter.state = "over"
      this.wake(waiter, this.refuse("timeout", waiter))
    })
    this.closeIdle(now)
    this.rotate(now)
    this.advance(now)
    this.flush()
    return Math.min(earliest, this.nextWish(now))
  }

  /** Begins the end: refuses who waits and who comes, lets go of what is idle. */
  drain(): void {
    if (this.phase === "draining" || this.phase === "closed") return
    this.phase = "draining"
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      waiter.state = "over"
      this.wake(waiter, this.refuse("closed", waiter))
    }
    for (const slot of this.stack.splice(0)) this.close(slot, "drain", false)
    this.flush()
  }

  private nextWish(now: number): number {
    const wishes = this.wantsDial(now) || this.waiters.size > 0 || this.open < this.limits.min
    if (!wishes) return Number.POSITIVE_INFINITY
    let at = Number.POSITIVE_INFINITY
    if (this.gate.notBefore > now) at = this.gate.notBefore
    if (this.ceiling.held !== undefined && this.ceiling.growAt > now) at = Math.min(at, this.ceiling.growAt)
    for (const began of this.dials.values()) {
      if (began + SLOW_DIAL_MILLIS > now) at = Math.min(at, began + SLOW_DIAL_MILLIS)
    }
    return at
  }

  private wake(waiter: Lease<S>, refusal: SessionError): void {
    this.pending.push(() => waiter.wake?.(refusal))
  }

  /**
   * Does what was asked for, in order. A waiter that is woken runs at once, and may give its session back at once:
   * that lands in this same loop instead of on the stack, so ten thousand of them do not overflow it.
   */
  private flush(): void {
    if (this.flushing) return
    this.flushing = true
    try {
      while (this.woken.length > 0 || this.pending.length > 0) {
        for (const waiter of this.woken.splice(0)) waiter.wake?.(undefined)
        for (const action of this.pending.splice(0)) action()
      }
    } finally {
      this.flushing = false
    }
    if (this.phase === "draining") this.hooks.step()
  }

  /** Lends what can be lent, probes what has to be probed, dials what is missing. */
  private advance(now: number): void {
    if (this.phase === "draining" || this.phase === "closed") return
    while (this.waiters.size > this.probing && this.stack.length > 0) {
      const slot = this.stack.pop()!
      if (this.isSuspect(slot, now)) {
        slot.state = "probing"
        this.probing++
        this.counters.probes++
        this.pending.push(() => this.hooks.probe(slot))
      } else {
        this.handOff(slot, now)
      }
    }
    while (this.wantsDial(now)) {
      const id = ++this.nextDial
      this.dials.set(id, now)
      this.counters.dialsStarted++
      this.pending.push(() => this.hooks.dial(id))
    }
  }

  private wantsDial(now: number): boolean {
    const { gate, limits } = this
    if (this.dials.size >= DialGate.concurrency(gate) || now < gate.notBefore) return false
    const limit = Ceiling.limit(this.ceiling, limits.max, now)
    if (this.total >= limit) return false
    const wanted = this.phase === "starting" && limits.proveStart ? Math.max(1, limits.min) : limits.min
    if (this.open + this.dials.size < Math.min(wanted, limit)) return true
    if (this.rotating !== undefined && this.dials.size === 0) return true
    let fresh = 0
    for (const began of this.dials.values()) if (now - began < SLOW_DIAL_MILLIS) fresh++
    return this.waiters.size > this.probing + fresh
  }

  private isSuspect(slot: Slot<S>, now: number): boolean {
    const heard = slot.session.heardAt()
    return now - heard > SILENCE_MILLIS || heard < this.lossAt || !slot.session.isClean()
  }

  private lend(slot: Slot<S>, lease: Lease<S>, now: number): void {
    slot.state = "used"
    slot.uses++
    slot.lease = lease
    lease.slot = slot
    lease.state = "held"
    lease.since = now
    this.used++
  }

  private handOff(slot: Slot<S>, now: number): void {
    const waiter = this.waiters.shift()!
    this.counters.acquired.waited++
    this.waitTime.recordMillis(now - waiter.enqueuedAt)
    this.lend(slot, waiter, now)
    this.woken.push(waiter)
  }

  /** A session that is free and not counted anywhere: to the first waiter, to the stack, or away. */
  private offer(slot: Slot<S>, now: number): void {
    slot.state = "idle"
    slot.idleSince = now
    this.stack.push(slot)
    if (this.phase === "draining" || this.phase === "closed") return this.retire(slot, "drain")
    if (slot.evicted) return this.retire(slot, "evicted")
    if (now >= slot.expiresAt && this.mayRotate()) return this.retire(slot, "lifetime")
    // Hand-off is direct: whoever waited longest gets it, and no newcomer can come in between.
    if (this.waiters.size > this.probing && !this.isSuspect(slot, now)) {
      this.stack.pop()
      this.handOff(slot, now)
    }
    this.advance(now)
  }

  private closeIdle(now: number): void {
    // The bottom of the stack was used least recently.
    while (this.stack.length > 0 && this.open > this.limits.min) {
      const oldest = this.stack.reduce((a, b) => (b.idleSince < a.idleSince ? b : a))
      if (now - oldest.idleSince < this.limits.idleTimeout) return
      this.retire(oldest, "idle")
    }
  }

  /** Replaces one expired session at a time: the new one first where there is room, else the old one leaves first. */
  private rotate(now: number): void {
    if (!this.mayRotate()) return
    const expired = this.stack.find((slot) => now >= slot.expiresAt)
    if (expired === undefined) return
    const room = this.total < Ceiling.limit(this.ceiling, this.limits.max, now)
    if (this.open > this.limits.min || !room) this.retire(expired, "lifetime")
    else this.rotating = expired
  }

  private mayRotate(): boolean {
    if (this.rotating !== undefined) return false
    for (const slot of this.slots) if (slot.state === "closing") return false
    return true
  }

  private retire(slot: Slot<S>, reason: CloseReason): void {
    const at = this.stack.indexOf(slot)
    if (at >= 0) this.stack.splice(at, 1)
    this.close(slot, reason, false)
  }

  /** `counted`: whether the slot is among the used ones. */
  private close(slot: Slot<S>, reason: CloseReason, counted = true): void {
    if (counted) this.used--
    slot.state = "closing"
    this.closing++
    this.counters.closed[reason]++
    this.pending.push(() => this.hooks.close(slot, reason))
  }

  private leave(slot: Slot<S>): void {
    switch (slot.state) {
      case "idle": {
        const at = this.stack.indexOf(slot)
        if (at >= 0) this.stack.splice(at, 1)
        break
      }
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
    if (this.rotating === slot) this.rotating = undefined
    this.slots.delete(slot)
  }

  private failWaiters(error: SessionError, outcome: AcquireOutcome): void {
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      waiter.state = "over"
      this.counters.acquired[outcome]++
      this.wake(waiter, error)
    }
  }

  private refuse(outcome: "timeout" | "queue-full" | "closed", waiter: Lease<S>): SessionError {
    this.counters.acquired[outcome]++
    return this.hooks.refusal(outcome, waiter)
  }
}
