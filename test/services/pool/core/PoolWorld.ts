/** A world around one pool: carries out commands, answers what the pool asks for now or later, and keeps the model told. */
import { PoolCore } from "../../../../src/services/pool/core/PoolCore.ts"
import { checkAtRest, checkLookedOver, checkNothingUndone } from "./PoolChecks.ts"
import {
  CLASSES,
  type Command,
  DIAL_ERROR,
  MOMENTS,
  OUTCOMES,
  PATIENCE,
  REFUSAL,
  type Setting,
  SPANS
} from "../PoolHistory.ts"
import { must, PoolModel } from "./PoolModel.ts"
import { Client, Peer } from "./PoolParties.ts"

/** The pool is looked over once a second, and at the instant it asks for when that is earlier. */
const SWEEP = 1000

/** Beyond this many sweeps of peace, half an hour, whatever still waits waits for ever. */
const PEACE = 1800

export class PoolWorld {
  readonly model: PoolModel
  readonly core: PoolCore<Peer>
  private readonly setting: Setting
  private clients: Array<Client> = []
  private die = 0
  private reaction = 0
  private isPeace = false

  constructor(setting: Setting) {
    this.setting = setting
    this.model = new PoolModel(
      setting.limits,
      setting.reactions.every((kind) => kind === 0)
    )
    const { model } = this
    this.core = new PoolCore<Peer>(setting.limits, {
      dial: (id) => {
        model.dialStarts(id)
        this.react(
          () => this.answerDial(id),
          () => this.refuseDial(id, this.reaction)
        )
      },
      probe: (slot) => {
        slot.session.slot = slot
        model.probeAsked(slot.session)
        this.react(
          () => this.answerProbe(slot.session, true),
          () => this.answerProbe(slot.session, false)
        )
      },
      recover: (slot) => {
        slot.session.slot = slot
        model.recoverAsked(slot.session)
        this.react(
          () => this.recovered(slot.session, true),
          () => this.recovered(slot.session, false)
        )
      },
      close: (slot, reason) => {
        slot.session.slot = slot
        model.closeAsked(slot.session, reason)
        this.react(
          () => this.gone(slot.session, false),
          () => this.gone(slot.session, true)
        )
      },
      acquireError: (outcome) => REFUSAL[outcome],
      random: () => setting.dice[this.die++ % setting.dice.length]!,
      onStep: () => must(model.draining, "steps are told while the pool drains")
    })
  }

  /** Carries one command out and checks every rule; a command without a candidate does nothing. */
  run({ deed, how, pick }: Command): void {
    const one = <A>(candidates: ReadonlyArray<A>): A | undefined => candidates[pick % Math.max(1, candidates.length)]
    const onPeer = (peer: Peer | undefined, act: (peer: Peer) => void) => peer !== undefined && act(peer)
    const { core, model } = this
    switch (deed) {
      case "acquire":
        this.acquire(PATIENCE[how % PATIENCE.length]!, true)
        break
      case "release": {
        const client = one(this.clients)
        if (client !== undefined) this.release(client)
        break
      }
      case "speak":
        onPeer(one(model.in("lent")), (peer) => {
          peer.clean = how % 2 === 0
          peer.heard = model.now
        })
        break
      case "answer dial":
      case "refuse dial": {
        const id = one(Array.from(model.dials.keys()))
        if (id === undefined) break
        if (deed === "answer dial") this.answerDial(id)
        else if (model.draining && how % 2 === 0) this.abandonDial(id)
        else this.refuseDial(id, how)
        checkNothingUndone(model)
        break
      }
      case "lose":
        onPeer(one(model.peers), (peer) => {
          this.gone(peer, true)
          checkNothingUndone(model)
        })
        break
      case "answer probe":
      case "fail probe":
        onPeer(one(model.in("probing")), (peer) => {
          this.answerProbe(peer, deed === "answer probe")
          checkNothingUndone(model)
        })
        break
      case "recover":
      case "fail recovery":
        onPeer(one(model.in("recovering")), (peer) => {
          this.recovered(peer, deed === "recover")
          checkNothingUndone(model)
        })
        break
      case "close":
        onPeer(one(model.in("closing")), (peer) => {
          this.gone(peer, false)
          checkNothingUndone(model)
        })
        break
      case "pass":
        model.now += MOMENTS[how % MOMENTS.length]!
        break
      case "hear":
        onPeer(one(model.peers), (peer) => {
          peer.heard = model.now
          // A newcomer in this very moment must not have it: others may be waiting for it to be probed.
          if (how % 2 === 0) this.acquire(SWEEP, false)
        })
        this.tick()
        break
      case "spoil":
        onPeer(one(model.in("free")), (peer) => {
          peer.clean = false
        })
        break
      case "tick":
        model.now += SPANS[how % SPANS.length]!
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

  /** From here on everything goes well: then nobody is left waiting, and the pool stands again. */
  makePeace(): void {
    const { core, model } = this
    const patient = model.waiting.filter((client) => client.deadline - model.now > PEACE * SWEEP)
    this.isPeace = true
    for (let sweep = 0; sweep < PEACE && !this.isCalm; sweep++) {
      for (const peer of model.in("lent")) this.release(peer.holder!)
      for (const id of Array.from(model.dials.keys())) this.answerDial(id)
      for (const peer of model.in("probing")) this.answerProbe(peer, true)
      for (const peer of model.in("recovering")) this.recovered(peer, true)
      for (const peer of model.in("closing")) this.gone(peer, false)
      checkAtRest(model, core)
      // Looked at before the next sweep: where lives are short, that one begins to renew a session again.
      if (this.isCalm) break
      const wish = this.tick()
      model.now = Math.min(wish, model.now + SWEEP)
      checkAtRest(model, core)
    }
    must(this.isCalm, "when all goes well, nobody waits and min stands")
    const served = patient.every((client) => client.outcome === "waited" || model.draining)
    must(served, "who is patient gets a session")
  }

  private get isCalm(): boolean {
    const { model } = this
    const busy =
      model.waiting.length +
      model.dials.size +
      model.in("lent").length +
      model.in("probing").length +
      model.in("recovering").length +
      model.in("closing").length
    if (model.draining) return busy + model.peers.length === 0
    return busy === 0 && model.open >= model.limits.min
  }

  private react(well: () => void, badly: () => void): void {
    const { reactions } = this.setting
    const kind = this.isPeace || reactions.length === 0 ? 0 : reactions[this.reaction++ % reactions.length]!
    must(this.core.total <= this.model.limits.max, "connecting + idle + used + closing <= max")
    if (kind === 1) well()
    else if (kind === 2) badly()
  }

  private acquire(patience: number, mayReturn: boolean): void {
    const { core, model } = this
    const client = new Client(undefined)
    const deadline = model.now + patience
    model.clients++
    this.clients.push(client)
    if (core.tryAcquire(client, model.now)) return model.took(client)
    client.onWake = (refusal) => {
      model.woken(client, refusal === undefined ? undefined : OUTCOMES.get(refusal))
      if (mayReturn)
        this.react(
          () => this.release(client),
          () => this.relive(client)
        )
    }
    model.queued(client)
    client.deadline = deadline
    const refused = core.enqueue(client, model.now, deadline)
    // Checked only from outside: within a question of the pool its step is not over yet.
    if (refused === undefined) return mayReturn ? checkNothingUndone(model) : undefined
    model.waiting = model.waiting.filter((other) => other !== client)
    model.turnedAway(client, OUTCOMES.get(refused)!)
  }

  /** Gives back at once what was just lent, unclean, and comes again. */
  private relive(client: Client): void {
    if (client.peer !== undefined) client.peer.clean = false
    this.release(client)
    this.acquire(SWEEP, false)
  }

  private release(client: Client): void {
    const { core, model } = this
    this.clients = this.clients.filter((other) => other !== client)
    model.releases(client)
    core.release(client, model.now)
    core.release(client, model.now)
  }

  private answerDial(id: number): void {
    const { core, model } = this
    const peer = new Peer(model.now)
    model.dialSucceeds(id, peer)
    peer.slot = core.dialed(id, peer, model.now)
  }

  private refuseDial(id: number, how: number): void {
    const { core, model } = this
    const kind = CLASSES[how % CLASSES.length]!
    const retryAfterMillis = kind === "auth" && how % 2 === 0 ? 30_000 : undefined
    model.dialFails(id, kind, retryAfterMillis)
    const permanent = kind === "auth" || kind === "configuration"
    core.dialFailed(id, { error: DIAL_ERROR, class: kind, permanent, retryAfterMillis, ceiling: undefined }, model.now)
  }

  private abandonDial(id: number): void {
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

  private gone(peer: Peer, isLoss: boolean): void {
    const { core, model } = this
    const { slot } = peer
    model.gone(peer, isLoss)
    if (isLoss) core.sessionLost(slot!, model.now)
    core.sessionClosed(slot!, model.now)
  }

  private tick(): number {
    const { core, model } = this
    const wish = core.tick(model.now)
    checkLookedOver(model, core, wish)
    checkNothingUndone(model)
    return wish
  }
}
