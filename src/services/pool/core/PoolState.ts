/**
 * What a pool is made of, and the moves between its states: every count is changed here and nowhere else.
 */
import type { ErrorClass } from "../../errors/catalogue/Entry.ts"
import type { SessionError } from "../../errors/SessionError.ts"
import * as Ceiling from "./Ceiling.ts"
import type { DemandView } from "./GrowthPolicy.ts"
import * as DialGate from "./DialBackoff.ts"
import { Histogram } from "../../stats/Histogram.ts"
import { IdleStack } from "./IdleStack.ts"
import type { Lease } from "./Lease.ts"
import type { Slot, SlotSession } from "./Slot.ts"
import { type CloseReason, emptyCounters, type PoolPhase } from "./Snapshot.ts"
import { Trampoline } from "./Trampoline.ts"
import { Waiters } from "./WaitQueue.ts"

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
  /** It does not pass by itself, so there is nothing to wait for. */
  readonly permanent: boolean
  readonly retryAfterMillis: number | undefined
  readonly ceiling: number | undefined
}

/** A session silent for longer is asked whether its peer still answers before it is lent (pgx's bound, too). */
const SILENCE_MILLIS = 1000

export abstract class PoolState<S extends SlotSession> implements DemandView {
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
  probing = 0
  /** Dials under way, by id, with the instant they began. */
  readonly dials = new Map<number, number>()

  protected readonly hooks: PoolHooks<S>
  protected readonly steps = new Trampoline(() => {
    if (this.phase === "draining") this.hooks.step()
  })
  protected readonly stack = new IdleStack<S>()
  protected nextDial = 0
  /** A session is wanted even when `min` is 0, to prove that one can be had. */
  protected proving: boolean
  /** The session that waits for its replacement. */
  protected retiring: Slot<S> | undefined = undefined
  /** Sessions that were alive before a loss elsewhere are suspect until they were heard of again. */
  protected lossAt = Number.NEGATIVE_INFINITY

  constructor(limits: PoolLimits, hooks: PoolHooks<S>) {
    this.limits = limits
    this.hooks = hooks
    this.proving = limits.proveStart
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

  get wanted(): number {
    return this.proving ? Math.max(1, this.limits.min) : this.limits.min
  }

  get rotating(): boolean {
    return this.retiring !== undefined
  }

  protected get ending(): boolean {
    return this.phase === "draining" || this.phase === "closed"
  }

  get open(): number {
    return this.idle + this.used
  }

  get total(): number {
    return this.dials.size + this.open + this.closing
  }

  protected isSuspect(slot: Slot<S>, now: number): boolean {
    const heard = slot.session.heardAt()
    return now - heard > SILENCE_MILLIS || heard < this.lossAt || !slot.session.isClean()
  }

  /** The session nearest the top that can be lent unasked: one that went silent must not hide a good one below it. */
  protected freshest(now: number): Slot<S> | undefined {
    for (let height = this.stack.size - 1; height >= 0; height--) {
      const slot = this.stack.at(height)!
      if (!this.isSuspect(slot, now)) return slot
    }
    return undefined
  }

  /** The idle session whose peer has not been heard of for longest. */
  protected mostSilent(): Slot<S> | undefined {
    let found = this.stack.at(0)
    for (let height = 1; height < this.stack.size; height++) {
      const slot = this.stack.at(height)!
      if (found === undefined || slot.session.heardAt() < found.session.heardAt()) found = slot
    }
    return found
  }

  /** Every session alive now is asked for a sign of life before it is lent again. */
  protected suspectAll(now: number): void {
    this.lossAt = now
  }

  /** Puts a session to the idle ones: one that was not used meanwhile goes on being idle, below those that were. */
  protected shelve(slot: Slot<S>, now: number, unusedSince: number | undefined): void {
    slot.state = "idle"
    slot.idleSince = unusedSince ?? now
    if (unusedSince === undefined) this.stack.push(slot)
    else this.stack.putBelow(slot)
  }

  /** Asks an idle session, out of the stack already, for a sign of life. */
  protected probe(slot: Slot<S>): void {
    slot.state = "probing"
    this.probing++
    this.counters.probes++
    this.steps.defer(() => this.hooks.probe(slot))
  }

  protected lend(slot: Slot<S>, lease: Lease<S>, now: number): void {
    slot.state = "used"
    slot.uses++
    slot.lease = lease
    lease.slot = slot
    lease.state = "held"
    lease.since = now
    this.used++
  }

  /** A session counted as used is made clean before anybody gets it. */
  protected recover(slot: Slot<S>): void {
    slot.state = "recovering"
    this.counters.recoveries++
    this.steps.defer(() => this.hooks.recover(slot))
  }

  protected closeIdle(now: number): void {
    while (this.stack.size > 0 && this.open > this.limits.min) {
      const oldest = this.stack.oldest()
      if (oldest === undefined || now - oldest.idleSince < this.limits.idleTimeout) return
      this.retire(oldest, "idle")
    }
  }

  /** Replaces one expired session at a time: the new one first where there is room, else the old one leaves first. */
  protected rotate(now: number): void {
    if (!this.mayRotate()) return
    const expired = this.stack.expired(now)
    if (expired !== undefined) this.replace(expired, now)
  }

  protected replace(slot: Slot<S>, now: number): void {
    const room = this.total < Ceiling.limit(this.ceiling, this.limits.max, now)
    if (this.open > this.limits.min || !room) this.retire(slot, "lifetime")
    else this.retiring = slot
  }

  protected mayRotate(): boolean {
    // A replacement under way belongs to the rotation before.
    if (this.retiring !== undefined || this.dials.size > 0) return false
    for (const slot of this.slots) if (slot.state === "closing") return false
    return true
  }

  protected retire(slot: Slot<S>, reason: CloseReason): void {
    this.stack.remove(slot)
    this.close(slot, reason, false)
  }

  /** `counted`: whether the slot is among the used ones. */
  protected close(slot: Slot<S>, reason: CloseReason, counted = true): void {
    if (counted) this.used--
    slot.state = "closing"
    this.closing++
    this.counters.closed[reason]++
    this.steps.defer(() => this.hooks.close(slot, reason))
  }

  protected leave(slot: Slot<S>): void {
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
