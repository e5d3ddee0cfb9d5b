/** Drives one pool: executes commands, answers the requests of the pool now or later, and updates the model. */
import { PoolCore } from "../../../../src/services/pool/core/PoolCore.ts"
import { checkAtRest, checkSweep, checkProgress } from "./PoolChecks.ts"
import {
  CLASSES,
  type Command,
  DIAL_ERROR,
  SHORT_TIMES,
  OUTCOMES,
  TIMEOUTS,
  ERRORS,
  type Scenario,
  LONG_TIMES
} from "./PoolCommands.ts"
import { must, PoolModel } from "./PoolModel.ts"
import { Client, Peer } from "./PoolPeers.ts"

/** The pool is ticked once a second, or at the instant that it returned where that is earlier. */
const SWEEP_MILLIS = 1000

/** What has not settled after so many sweeps without faults, half an hour, never will. */
const MAX_SWEEPS = 1800

export class PoolWorld {
  readonly model: PoolModel
  readonly core: PoolCore<Peer>
  private readonly setting: Scenario
  private clients: Array<Client> = []
  private die = 0
  private reaction = 0
  private isSettling = false

  constructor(setting: Scenario) {
    this.setting = setting
    this.model = new PoolModel(
      setting.limits,
      setting.reactions.every((kind) => kind === 0)
    )
    const { model } = this
    this.core = new PoolCore<Peer>(setting.limits, {
      dial: (id) => {
        model.dialRequested(id)
        this.react(
          () => this.completeDial(id),
          () => this.failDial(id, this.reaction)
        )
      },
      probe: (slot) => {
        slot.session.slot = slot
        model.probeRequested(slot.session)
        this.react(
          () => this.answerProbe(slot.session, true),
          () => this.answerProbe(slot.session, false)
        )
      },
      recover: (slot) => {
        slot.session.slot = slot
        model.recoverRequested(slot.session)
        this.react(
          () => this.recovered(slot.session, true),
          () => this.recovered(slot.session, false)
        )
      },
      close: (slot, reason) => {
        slot.session.slot = slot
        model.closeRequested(slot.session, reason)
        this.react(
          () => this.sessionGone(slot.session, false),
          () => this.sessionGone(slot.session, true)
        )
      },
      acquireError: (outcome) => ERRORS[outcome],
      random: () => setting.dice[this.die++ % setting.dice.length]!,
      onStep: () => must(model.draining, "onStep is called while the pool drains only")
    })
  }

  /** Executes one command and checks every rule; a command without a candidate does nothing. */
  run({ action, index, variant }: Command): void {
    const one = <A>(candidates: ReadonlyArray<A>): A | undefined => candidates[index % Math.max(1, candidates.length)]
    const onPeer = (peer: Peer | undefined, act: (peer: Peer) => void) => peer !== undefined && act(peer)
    const { core, model } = this
    switch (action) {
      case "acquire":
        this.acquire(TIMEOUTS[variant % TIMEOUTS.length]!, true)
        break
      case "release": {
        const client = one(this.clients)
        if (client !== undefined) this.release(client)
        break
      }
      case "run statement":
        onPeer(one(model.in("leased")), (peer) => {
          peer.clean = variant % 2 === 0
          peer.receivedAt = model.now
        })
        break
      case "complete dial":
      case "fail dial": {
        const id = one(Array.from(model.dials.keys()))
        if (id === undefined) break
        if (action === "complete dial") this.completeDial(id)
        else if (model.draining && variant % 2 === 0) this.interruptDial(id)
        else this.failDial(id, variant)
        checkProgress(model)
        break
      }
      case "lose session":
        onPeer(one(model.peers), (peer) => {
          this.sessionGone(peer, true)
          checkProgress(model)
        })
        break
      case "answer probe":
      case "fail probe":
        onPeer(one(model.in("probing")), (peer) => {
          this.answerProbe(peer, action === "answer probe")
          checkProgress(model)
        })
        break
      case "complete recovery":
      case "fail recovery":
        onPeer(one(model.in("recovering")), (peer) => {
          this.recovered(peer, action === "complete recovery")
          checkProgress(model)
        })
        break
      case "complete close":
        onPeer(one(model.in("closing")), (peer) => {
          this.sessionGone(peer, false)
          checkProgress(model)
        })
        break
      case "pass time":
        model.now += SHORT_TIMES[variant % SHORT_TIMES.length]!
        break
      case "receive data":
        onPeer(one(model.peers), (peer) => {
          peer.receivedAt = model.now
          // A new caller must not get it at this moment: others may be waiting for its probe.
          if (variant % 2 === 0) this.acquire(SWEEP_MILLIS, false)
        })
        this.tick()
        break
      case "taint":
        onPeer(one(model.in("idle")), (peer) => {
          peer.clean = false
        })
        break
      case "tick":
        model.now += LONG_TIMES[variant % LONG_TIMES.length]!
        this.tick()
        break
      case "evict":
        onPeer(one(model.peers), (peer) => {
          peer.evicted = true
          core.evict(peer.slot!)
        })
        break
      case "drain":
        model.draining = true
        core.drain()
        break
    }
    checkAtRest(model, core)
  }

  /** Runs the pool without faults: no waiter is left, and min sessions are open. */
  settle(): void {
    const { core, model } = this
    const patient = model.waiting.filter((client) => client.deadline - model.now > MAX_SWEEPS * SWEEP_MILLIS)
    this.isSettling = true
    for (let sweep = 0; sweep < MAX_SWEEPS && !this.isSettled; sweep++) {
      for (const peer of model.in("leased")) this.release(peer.holder!)
      for (const id of Array.from(model.dials.keys())) this.completeDial(id)
      for (const peer of model.in("probing")) this.answerProbe(peer, true)
      for (const peer of model.in("recovering")) this.recovered(peer, true)
      for (const peer of model.in("closing")) this.sessionGone(peer, false)
      checkAtRest(model, core)
      // Checked before the next sweep, which may start to replace another session where lifetimes are short.
      if (this.isSettled) break
      const nextTick = this.tick()
      model.now = Math.min(nextTick, model.now + SWEEP_MILLIS)
      checkAtRest(model, core)
    }
    must(this.isSettled, "without faults no caller waits and min sessions are open")
    const served = patient.every((client) => client.outcome === "waited" || model.draining)
    must(served, "a caller with a long timeout gets a session")
  }

  private get isSettled(): boolean {
    const { model } = this
    const busy =
      model.waiting.length +
      model.dials.size +
      model.in("leased").length +
      model.in("probing").length +
      model.in("recovering").length +
      model.in("closing").length
    if (model.draining) return busy + model.peers.length === 0
    return busy === 0 && model.open >= model.limits.min
  }

  private react(succeed: () => void, fail: () => void): void {
    const { reactions } = this.setting
    const kind = this.isSettling || reactions.length === 0 ? 0 : reactions[this.reaction++ % reactions.length]!
    must(this.core.total <= this.model.limits.max, "connecting + idle + used + closing <= max")
    if (kind === 1) succeed()
    else if (kind === 2) fail()
  }

  private acquire(timeout: number, mayReact: boolean): void {
    const { core, model } = this
    const client = new Client(undefined)
    const deadline = model.now + timeout
    model.clients++
    this.clients.push(client)
    if (core.tryAcquire(client, model.now)) return model.acquiredAtOnce(client)
    client.onWake = (error) => {
      model.woken(client, error === undefined ? undefined : OUTCOMES.get(error))
      if (mayReact)
        this.react(
          () => this.release(client),
          () => this.releaseAndReacquire(client)
        )
    }
    model.queued(client)
    client.deadline = deadline
    const error = core.enqueue(client, model.now, deadline)
    // Within a hook the step of the pool is not over yet.
    if (error === undefined) return mayReact ? checkProgress(model) : undefined
    model.waiting = model.waiting.filter((other) => other !== client)
    model.rejected(client, OUTCOMES.get(error)!)
  }

  /** Releases a session with state left behind and acquires one again. */
  private releaseAndReacquire(client: Client): void {
    if (client.peer !== undefined) client.peer.clean = false
    this.release(client)
    this.acquire(SWEEP_MILLIS, false)
  }

  private release(client: Client): void {
    const { core, model } = this
    this.clients = this.clients.filter((other) => other !== client)
    model.released(client)
    core.release(client, model.now)
    core.release(client, model.now)
  }

  private completeDial(id: number): void {
    const { core, model } = this
    const peer = new Peer(model.now)
    model.dialSucceeded(id, peer)
    peer.slot = core.dialed(id, peer, model.now)
  }

  private failDial(id: number, variant: number): void {
    const { core, model } = this
    const kind = CLASSES[variant % CLASSES.length]!
    const retryAfterMillis = kind === "auth" && variant % 2 === 0 ? 30_000 : undefined
    model.dialFailed(id, kind, retryAfterMillis)
    const permanent = kind === "auth" || kind === "configuration"
    core.dialFailed(id, { error: DIAL_ERROR, class: kind, permanent, retryAfterMillis, ceiling: undefined }, model.now)
  }

  private interruptDial(id: number): void {
    this.model.dials.delete(id)
    this.core.dialAbandoned(id)
  }

  private answerProbe(peer: Peer, answered: boolean): void {
    this.model.probed(peer, answered)
    this.core.probed(peer.slot!, answered, this.model.now)
  }

  private recovered(peer: Peer, clean: boolean): void {
    this.model.recovered(peer, clean)
    this.core.recovered(peer.slot!, clean, this.model.now)
  }

  private sessionGone(peer: Peer, isLoss: boolean): void {
    const { core, model } = this
    const { slot } = peer
    model.sessionGone(peer, isLoss)
    if (isLoss) core.sessionLost(slot!, model.now)
    core.sessionClosed(slot!, model.now)
  }

  private tick(): number {
    const { core, model } = this
    const nextTick = core.tick(model.now)
    checkSweep(model, core, nextTick)
    checkProgress(model)
    return nextTick
  }
}
