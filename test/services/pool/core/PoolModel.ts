/**
 * The pool as its requirements describe it: arrays and plain states, told what is done and what the pool asks for.
 *
 * It decides nothing that the pool may choose (which idle session, when exactly to dial), it only knows what must
 * never and what must always be. It is written from the requirements and shares no code with the state machine.
 */
import type { PoolLimits } from "../../../../src/services/pool/core/PoolCore.ts"
import type { AcquireOutcome, CloseReason } from "../../../../src/services/pool/core/Snapshot.ts"
import type { ErrorClass } from "../../../../src/services/errors/SessionError.ts"
import type { Client, Peer, PeerState } from "./PoolParties.ts"

/** A session nobody has spoken with for longer may be dead: it must be asked first. */
const SILENT_AFTER = 1000

/** A dial that takes longer is not relied on by those who wait. */
export const SLOW_DIAL = 500

export const DIALS_AT_ONCE = 3

/** Three wrong passwords in 150 s are all the pool allows itself; the pooler blocks the address at ten. */
const AUTH_BUDGET = 3
const AUTH_WINDOW = 150_000

/** After a refusal for want of room the next attempt waits at least half of the first interval of a second. */
const REFUSAL_REST = 500

/** The shortest rest after a failed dial, by class. */
const REST: Partial<Record<ErrorClass, number>> = { auth: 900, capacity: 500, configuration: 30_000 }
const REST_OTHERWISE = 300

/** Lifetimes are shortened by at most a tenth. */
const LIFETIME_SHARE = 0.9

export const must = (holds: boolean, rule: string): void => {
  if (!holds) throw new Error(rule)
}

const STANDING: ReadonlySet<PeerState> = new Set(["free", "probing", "lent", "recovering"])

export class PoolModel {
  now = 1000
  readonly limits: PoolLimits
  /** Whether everything is answered later: then the state at a question is the state the decision was made in. */
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
  /** All sessions were lost and none has been opened since. */
  outage = true
  refused: { readonly held: number; readonly until: number } | undefined = undefined
  authFailures: Array<number> = []
  private lossAt = Number.NEGATIVE_INFINITY

  constructor(limits: PoolLimits, strict: boolean) {
    this.limits = limits
    this.strict = strict
  }

  in(state: PeerState): Array<Peer> {
    return this.peers.filter((peer) => peer.state === state)
  }

  get open(): number {
    return this.peers.filter((peer) => STANDING.has(peer.state)).length
  }

  get total(): number {
    return this.peers.length + this.dials.size
  }

  isFresh(peer: Peer): boolean {
    return peer.clean && this.now - peer.heard <= SILENT_AFTER && peer.heard >= this.lossAt
  }

  took(client: Client): void {
    // Who was given a session or a refusal in the step under way, and is only not woken yet, waits no more.
    must(!this.waiting.some((waiter) => waiter.state === "waiting"), "nobody overtakes those who wait")
    this.lend(client, "immediate")
  }

  queued(client: Client): void {
    this.waiting.push(client)
  }

  turnedAway(client: Client, outcome: AcquireOutcome): void {
    if (outcome === "closed") must(this.draining, "only an ending pool refuses as closed")
    if (outcome === "timeout") must(this.now >= client.deadline, "nobody times out before the deadline")
    if (outcome === "queue-full")
      must(this.waiting.length >= this.limits.maxWaiting, "the queue is full when it is full")
    if (outcome === "failed" && this.strict) {
      must(this.open === 0, "a failed dial fails nobody while a session stands")
      const kind = this.failing?.class
      must(kind === "auth" || kind === "configuration", "only a permanent failure fails those who wait")
    }
    this.end(client, outcome)
  }

  /** A waiter was woken, with a session or with a refusal. */
  woken(client: Client, refusal: AcquireOutcome | undefined): void {
    must(++client.wakes === 1, "a waiter is woken once")
    // Given up between the hand-off and the wake: counted when it was.
    if (client.outcome !== undefined) return
    if (refusal === undefined) must(this.waiting[0] === client, "first in, first out")
    this.waiting = this.waiting.filter((waiter) => waiter !== client)
    if (refusal === undefined) this.lend(client, "waited")
    else this.turnedAway(client, refusal)
  }

  releases(client: Client): void {
    if (this.waiting.includes(client)) {
      this.waiting = this.waiting.filter((waiter) => waiter !== client)
      const promised = client.state === "held"
      this.end(client, promised ? "waited" : "abandoned")
      if (promised) this.giveBack(client.slot!.session)
    } else if (client.peer?.holder === client) {
      this.giveBack(client.peer)
    }
  }

  dialStarts(id: number): void {
    const { dials, limits } = this
    must(!this.draining, "a draining pool does not dial")
    must(this.total < limits.max, "connecting + idle + used + closing <= max")
    must(dials.size < DIALS_AT_ONCE, "three dials at a time")
    must(this.recentAuthFailures + dials.size < AUTH_BUDGET, "never more than three wrong passwords in the window")
    if (this.strict) this.checkDecision()
    dials.set(id, this.now)
    this.started++
  }

  private checkDecision(): void {
    must(this.isDialWanted, "no dial without demand")
    must(
      this.dials.size === 0 || (this.failing === undefined && (!this.outage || this.quickDials === 0)),
      "one dial at a time after a failure"
    )
    if (this.failing !== undefined) must(this.now >= this.failing.until, "a failed dial is followed by a rest")
    if (this.refused === undefined) return
    const room = this.now >= this.refused.until ? this.refused.held + 1 : this.refused.held
    must(this.total < Math.max(1, room), "the pool lives under the ceiling it was shown")
  }

  dialSucceeds(id: number, peer: Peer): void {
    this.dials.delete(id)
    this.succeeded++
    this.failing = undefined
    this.outage = false
    this.peers.push(peer)
    if (this.refused === undefined) return
    if (this.open >= this.limits.max) this.refused = undefined
    else if (this.open > this.refused.held) this.refused = { held: this.open, until: this.now }
  }

  dialFails(id: number, kind: ErrorClass, retryAfter: number | undefined): void {
    this.dials.delete(id)
    this.failed++
    if (kind === "auth") this.authFailures.push(this.now)
    must(this.recentAuthFailures <= AUTH_BUDGET, "three wrong passwords in the window at most")
    if (kind === "capacity" && this.open > 0) {
      this.refused = { held: this.open, until: this.now + REFUSAL_REST }
    } else {
      this.failing = { class: kind, until: this.now + Math.max(REST[kind] ?? REST_OTHERWISE, retryAfter ?? 0) }
    }
  }

  probeAsked(peer: Peer): void {
    must(peer.state === "free", "only an idle session is probed")
    if (this.strict) {
      must(!this.isFresh(peer), "a session just heard of is not probed")
      must(this.in("probing").length < this.waiting.length, "a probe is made for somebody who waits")
    }
    peer.state = "probing"
  }

  probed(peer: Peer, answered: boolean): void {
    if (answered) {
      peer.heard = this.now
      this.settle(peer)
    } else {
      this.lossAt = this.now
      peer.state = "doomed"
      peer.doom = "probe-failed"
    }
  }

  recoverAsked(peer: Peer): void {
    must(peer.state === "recovering" && !peer.recoveryAsked, "what is left behind is cleared once, after the lease")
    peer.recoveryAsked = true
  }

  recovered(peer: Peer, clean: boolean): void {
    peer.clean = clean
    peer.state = clean ? "free" : "doomed"
    peer.doom = "not-recovered"
    peer.since = this.now
  }

  closeAsked(peer: Peer, reason: CloseReason): void {
    must(peer.reason === undefined, "a session is closed once, for one reason")
    must(peer.state === "free" || peer.state === "doomed", "nobody's session is closed under their hands")
    must(this.mayClose(peer, reason), `a session is closed as "${reason}" for that reason`)
    peer.state = "closing"
    peer.reason = reason
    this.closings.set(reason, (this.closings.get(reason) ?? 0) + 1)
  }

  gone(peer: Peer, isLoss: boolean): void {
    if (isLoss && peer.state !== "closing") {
      this.closings.set("lost", (this.closings.get("lost") ?? 0) + 1)
      this.lossAt = this.now
    }
    const isNews = isLoss && peer.state !== "closing"
    peer.state = "gone"
    peer.holder = undefined
    this.peers = this.peers.filter((other) => other !== peer)
    if (isNews && this.open === 0) this.outage = true
  }

  get recentAuthFailures(): number {
    return this.authFailures.filter((at) => this.now - at < AUTH_WINDOW).length
  }

  get quickDials(): number {
    return Array.from(this.dials.values()).filter((began) => this.now - began < SLOW_DIAL).length
  }

  private get isDialWanted(): boolean {
    const { min, openAtStart } = this.limits
    const wanted = openAtStart && this.succeeded === 0 ? Math.max(1, min) : min
    const rotation = this.dials.size === 0 && this.peers.some((peer) => STANDING.has(peer.state) && this.isOld(peer))
    return (
      this.open + this.dials.size < wanted ||
      rotation ||
      this.waiting.length > this.in("probing").length + this.quickDials
    )
  }

  private isOld(peer: Peer): boolean {
    return this.now - peer.openedAt >= this.limits.maxLifetime * LIFETIME_SHARE
  }

  private mayClose(peer: Peer, reason: CloseReason): boolean {
    switch (reason) {
      case "lost":
        return false
      case "idle": {
        const surplus = this.open > this.limits.min || !this.strict
        return peer.state === "free" && surplus && this.now - peer.since >= this.limits.idleTimeout
      }
      case "lifetime":
        return peer.state === "free" && this.isOld(peer) && !this.in("closing").some((one) => one.reason === "lifetime")
      case "evicted":
        return peer.state === "free" && peer.evicted
      case "drain":
        return this.draining
      default:
        return peer.state === "doomed" && peer.doom === reason
    }
  }

  private lend(client: Client, outcome: AcquireOutcome): void {
    const peer = client.slot!.session
    must(!this.draining, "a draining pool lends nothing")
    must(peer.state === "free", "no session is lent twice")
    must(this.isFresh(peer), "what is lent is clean, and was heard of just now")
    must(!peer.evicted, "an evicted session is not lent")
    peer.state = "lent"
    peer.holder = client
    client.peer = peer
    this.end(client, outcome)
  }

  private giveBack(peer: Peer): void {
    peer.holder = undefined
    this.settle(peer)
  }

  private settle(peer: Peer): void {
    peer.since = this.now
    peer.recoveryAsked = false
    peer.state = peer.clean || this.draining ? "free" : "recovering"
  }

  private end(client: Client, outcome: AcquireOutcome): void {
    must(client.outcome === undefined, "an acquire has one outcome")
    client.outcome = outcome
    this.acquired.set(outcome, (this.acquired.get(outcome) ?? 0) + 1)
  }
}
