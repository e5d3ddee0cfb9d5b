/**
 * A simple model of the pool: arrays and plain states, updated by the commands and by the requests of the pool.
 *
 * It does not predict what the pool may choose freely (which idle session, when exactly to dial); it checks what must
 * always or never be the case. It is written from the requirements and shares no code with the state machine.
 */
import type { PoolLimits } from "../../../../src/services/pool/core/PoolCore.ts"
import type { AcquireOutcome, CloseReason } from "../../../../src/services/pool/core/Snapshot.ts"
import type { ErrorClass } from "../../../../src/services/errors/SessionError.ts"
import type { Client, Peer, PeerState } from "./PoolPeers.ts"

/** A session whose peer has been silent for longer must be probed before it is used. */
const SILENCE_MILLIS = 1000

/** A dial that takes longer does not count for the waiters. */
export const SLOW_DIAL = 2000

export const MAX_DIALS = 3

/** The pool tries at most three wrong passwords in 150 s; the pooler blocks the address at ten. */
const MAX_AUTH_FAILURES = 3
const AUTH_WINDOW = 150_000

/** After a capacity error the next dial waits for at least half of the first interval of a second. */
const CAPACITY_PAUSE = 500

/** The shortest pause after a failed dial, by class. */
const PAUSES: Partial<Record<ErrorClass, number>> = { auth: 900, capacity: 500, configuration: 30_000 }
const DEFAULT_PAUSE = 300

/** Lifetimes are shortened by at most a tenth. */
const LIFETIME_SHARE = 0.9

export const must = (holds: boolean, rule: string): void => {
  if (!holds) throw new Error(rule)
}

const OPEN_STATES: ReadonlySet<PeerState> = new Set(["idle", "probing", "leased", "recovering"])

export class PoolModel {
  now = 1000
  readonly limits: PoolLimits
  /** Whether no hook calls back synchronously: then a hook sees the state in which its request was decided. */
  readonly strict: boolean
  peers: Array<Peer> = []
  waiting: Array<Client> = []
  readonly dials = new Map<number, number>()
  readonly acquired = new Map<AcquireOutcome, number>()
  readonly closings = new Map<CloseReason, number>()
  clients = 0
  started = 0
  succeeded = 0
  failed = 0
  draining = false
  failing: { readonly class: ErrorClass; readonly until: number } | undefined = undefined
  /** No session has been opened since the last one was lost. */
  outage = true
  refused: { readonly held: number; readonly until: number } | undefined = undefined
  authFailures: Array<number> = []
  private trustedSince = Number.NEGATIVE_INFINITY

  constructor(limits: PoolLimits, strict: boolean) {
    this.limits = limits
    this.strict = strict
  }

  in(state: PeerState): Array<Peer> {
    return this.peers.filter((peer) => peer.state === state)
  }

  get open(): number {
    return this.peers.filter((peer) => OPEN_STATES.has(peer.state)).length
  }

  get total(): number {
    return this.peers.length + this.dials.size
  }

  isUsable(peer: Peer): boolean {
    return peer.clean && this.now - peer.receivedAt <= SILENCE_MILLIS && peer.receivedAt >= this.trustedSince
  }

  acquiredAtOnce(client: Client): void {
    // A waiter with a result in the current step, which is not woken yet, no longer waits.
    must(!this.waiting.some((waiter) => waiter.state === "waiting"), "no caller overtakes a waiter")
    this.assign(client, "immediate")
  }

  queued(client: Client): void {
    this.waiting.push(client)
  }

  rejected(client: Client, outcome: AcquireOutcome): void {
    if (outcome === "closed") must(this.draining, "only a draining pool rejects as closed")
    if (outcome === "timeout") must(this.now >= client.deadline, "no caller times out before its deadline")
    if (outcome === "queue-full")
      must(this.waiting.length >= this.limits.maxWaiting, "queue-full only when the queue is full")
    if (outcome === "failed" && this.strict) {
      must(this.open === 0, "a failed dial fails no waiter while a session is open")
      const kind = this.failing?.class
      must(kind === "auth" || kind === "configuration", "only a permanent failure fails waiters")
    }
    this.end(client, outcome)
  }

  /** A waiter was woken, with a session or an error. */
  woken(client: Client, error: AcquireOutcome | undefined): void {
    must(++client.wakes === 1, "a waiter is woken once")
    // Interrupted between the hand-off and the wake-up: counted at that time.
    if (client.outcome !== undefined) return
    if (error === undefined) must(this.waiting[0] === client, "first in, first out")
    this.waiting = this.waiting.filter((waiter) => waiter !== client)
    if (error === undefined) this.assign(client, "waited")
    else this.rejected(client, error)
  }

  released(client: Client): void {
    if (this.waiting.includes(client)) {
      this.waiting = this.waiting.filter((waiter) => waiter !== client)
      const promised = client.state === "held"
      this.end(client, promised ? "waited" : "abandoned")
      if (promised) this.returnSession(client.slot!.session)
    } else if (client.peer?.holder === client) {
      this.returnSession(client.peer)
    }
  }

  dialRequested(id: number): void {
    const { dials, limits } = this
    must(!this.draining, "a draining pool does not dial")
    must(this.total < limits.max, "connecting + idle + used + closing <= max")
    must(dials.size < MAX_DIALS, "three dials at a time")
    must(
      this.recentAuthFailures + dials.size < MAX_AUTH_FAILURES,
      "never more than three wrong passwords in the window"
    )
    if (this.strict) this.checkDial()
    dials.set(id, this.now)
    this.started++
  }

  private checkDial(): void {
    must(this.isDialWanted, "no dial without demand")
    must(
      this.dials.size === 0 || (this.failing === undefined && (!this.outage || this.quickDials === 0)),
      "one dial at a time after a failure"
    )
    if (this.failing !== undefined) must(this.now >= this.failing.until, "a failed dial is followed by a pause")
    if (this.refused === undefined) return
    const room = this.now >= this.refused.until ? this.refused.held + 1 : this.refused.held
    must(this.total < Math.max(1, room), "the pool stays below its ceiling")
  }

  dialSucceeded(id: number, peer: Peer): void {
    this.dials.delete(id)
    this.succeeded++
    this.failing = undefined
    this.outage = false
    this.peers.push(peer)
    if (this.refused === undefined) return
    if (this.open >= this.limits.max) this.refused = undefined
    else if (this.open > this.refused.held) this.refused = { held: this.open, until: this.now }
  }

  dialFailed(id: number, kind: ErrorClass, retryAfter: number | undefined): void {
    this.dials.delete(id)
    this.failed++
    if (kind === "auth") this.authFailures.push(this.now)
    must(this.recentAuthFailures <= MAX_AUTH_FAILURES, "three wrong passwords in the window at most")
    if (kind === "capacity" && this.open > 0) {
      this.refused = { held: this.open, until: this.now + CAPACITY_PAUSE }
    } else {
      this.failing = { class: kind, until: this.now + Math.max(PAUSES[kind] ?? DEFAULT_PAUSE, retryAfter ?? 0) }
    }
  }

  probeRequested(peer: Peer): void {
    must(peer.state === "idle", "only an idle session is probed")
    if (this.strict) {
      must(!this.isUsable(peer), "a usable session is not probed")
      must(this.in("probing").length < this.waiting.length, "a probe is made for a waiter")
    }
    peer.state = "probing"
  }

  probed(peer: Peer, answered: boolean): void {
    if (answered) {
      peer.receivedAt = this.now
      this.settle(peer)
    } else {
      this.trustedSince = this.now
      peer.state = "failed"
      peer.failure = "probe-failed"
    }
  }

  recoverRequested(peer: Peer): void {
    must(peer.state === "recovering" && !peer.recoverRequested, "a session is reset once, after its lease")
    peer.recoverRequested = true
  }

  recovered(peer: Peer, clean: boolean): void {
    peer.clean = clean
    peer.state = clean ? "idle" : "failed"
    peer.failure = "not-recovered"
    peer.since = this.now
  }

  closeRequested(peer: Peer, reason: CloseReason): void {
    must(peer.reason === undefined, "a session is closed once, for one reason")
    must(peer.state === "idle" || peer.state === "failed", "a leased session is not closed")
    must(this.mayClose(peer, reason), `a session is closed as "${reason}" for that reason`)
    peer.state = "closing"
    peer.reason = reason
    this.closings.set(reason, (this.closings.get(reason) ?? 0) + 1)
  }

  sessionGone(peer: Peer, isLoss: boolean): void {
    if (isLoss && peer.state !== "closing") {
      this.closings.set("lost", (this.closings.get("lost") ?? 0) + 1)
      this.trustedSince = this.now
    }
    const isUnexpected = isLoss && peer.state !== "closing"
    peer.state = "gone"
    peer.holder = undefined
    this.peers = this.peers.filter((other) => other !== peer)
    if (isUnexpected && this.open === 0) this.outage = true
  }

  get recentAuthFailures(): number {
    return this.authFailures.filter((at) => this.now - at < AUTH_WINDOW).length
  }

  get quickDials(): number {
    return Array.from(this.dials.values()).filter((began) => this.now - began < SLOW_DIAL).length
  }

  private get isDialWanted(): boolean {
    const { min, openAtStart } = this.limits
    const target = openAtStart && this.succeeded === 0 ? Math.max(1, min) : min
    const rotation =
      this.dials.size === 0 && this.peers.some((peer) => OPEN_STATES.has(peer.state) && this.isExpired(peer))
    return (
      this.open + this.dials.size < target ||
      rotation ||
      this.waiting.length > this.in("probing").length + this.quickDials
    )
  }

  private isExpired(peer: Peer): boolean {
    return this.now - peer.openedAt >= this.limits.maxLifetime * LIFETIME_SHARE
  }

  private mayClose(peer: Peer, reason: CloseReason): boolean {
    switch (reason) {
      case "lost":
        return false
      case "idle": {
        const surplus = this.open > this.limits.min || !this.strict
        return peer.state === "idle" && surplus && this.now - peer.since >= this.limits.idleTimeout
      }
      case "lifetime":
        return (
          peer.state === "idle" && this.isExpired(peer) && !this.in("closing").some((one) => one.reason === "lifetime")
        )
      case "evicted":
        return peer.state === "idle" && peer.evicted
      case "drain":
        return this.draining
      default:
        return peer.state === "failed" && peer.failure === reason
    }
  }

  private assign(client: Client, outcome: AcquireOutcome): void {
    const peer = client.slot!.session
    must(!this.draining, "a draining pool assigns nothing")
    must(peer.state === "idle", "no session is leased twice")
    must(this.isUsable(peer), "a leased session is clean and has not been silent")
    must(!peer.evicted, "an evicted session is not leased")
    peer.state = "leased"
    peer.holder = client
    client.peer = peer
    this.end(client, outcome)
  }

  private returnSession(peer: Peer): void {
    peer.holder = undefined
    this.settle(peer)
  }

  private settle(peer: Peer): void {
    peer.since = this.now
    peer.recoverRequested = false
    peer.state = peer.clean || this.draining ? "idle" : "recovering"
  }

  private end(client: Client, outcome: AcquireOutcome): void {
    must(client.outcome === undefined, "an acquire has one outcome")
    client.outcome = outcome
    this.acquired.set(outcome, (this.acquired.get(outcome) ?? 0) + 1)
  }
}
