/** What holds between the steps of a pool: the state machine compared with the model, rule by rule. */
import type { PoolCore } from "../../../../src/services/pool/core/PoolCore.ts"
import type { AcquireOutcome, CloseReason } from "../../../../src/services/pool/core/Snapshot.ts"
import { DIALS_AT_ONCE, must, type PoolModel, SLOW_DIAL } from "./PoolModel.ts"
import type { Peer } from "./PoolParties.ts"

/** What holds whenever the pool is at rest. */
export const checkAtRest = (model: PoolModel, core: PoolCore<Peer>): void => {
  const used = model.in("lent").length + model.in("recovering").length
  const counts = [core.dials.size, core.idle, core.used, core.closing].join(" ")
  const free = model.in("free")
  must(
    counts === [model.dials.size, free.length + model.in("probing").length, used, model.in("closing").length].join(" "),
    `connecting, idle, used, closing are ${counts} as they are`
  )
  must(core.total === model.total && core.total <= model.limits.max, "connecting + idle + used + closing <= max")
  must(core.slots.size === model.peers.length, "no session is forgotten or kept for ever")
  const queue: Array<unknown> = []
  for (let waiter = core.waiters.first; waiter !== undefined; waiter = waiter.next) queue.push(waiter)
  must(queue.length === model.waiting.length, "each waiter waits, holds or is over")
  must(
    model.waiting.every((client, at) => queue[at] === client && client.state === "waiting"),
    "the queue keeps its order"
  )
  must(
    model.waiting.length <= (model.draining ? 0 : model.limits.maxWaiting),
    "the queue is bounded, and empty at the end"
  )
  const leases = model.in("lent").every((peer) => peer.slot?.lease === peer.holder && peer.holder?.slot === peer.slot)
  must(leases, "a session belongs to one lease and a lease to one session")
  must(
    model.in("recovering").every((peer) => peer.recoveryAsked),
    "a session that needs clearing is cleared"
  )
  must(!free.some((peer) => peer.evicted || model.draining), "what must not be lent again does not lie about")
  if (model.waiting.length > 0) must(!free.some((peer) => model.isFresh(peer)), "nobody waits while a session is good")
  checkCounters(model, core)
}

/** What holds after the pool looked at everything: nothing it could do for somebody is left undone. */
export const checkNothingUndone = (model: PoolModel): void => {
  if (model.draining || model.failing !== undefined || model.outage || model.refused !== undefined) return
  if (model.total >= model.limits.max || model.dials.size + model.recentAuthFailures >= DIALS_AT_ONCE) return
  must(model.waiting.length <= model.in("probing").length + model.quickDials, "somebody waits and nothing is done")
  must(model.open + model.dials.size >= model.limits.min, "min is kept without traffic")
}

/** What holds once the pool was looked over: what is too old goes, and `wish` is soon enough for what is to come. */
export const checkLookedOver = (model: PoolModel, core: PoolCore<Peer>, wish: number): void => {
  const { limits, now, waiting } = model
  must(wish > now, "the pool does not ask for an instant that is past")
  for (const client of waiting) {
    must(client.deadline > now, "nobody waits beyond the deadline")
    // Who comes again from within a question sets the timer for itself.
    must(wish <= client.deadline || !model.strict, "the pool wants to be woken for every deadline")
  }
  if (model.strict && !model.draining) {
    const free = model.in("free")
    const surplus = model.open > limits.min
    must(
      !surplus || free.every((peer) => now - peer.since < limits.idleTimeout),
      "a session idle for too long is closed"
    )
    const renewing = core.isRotating || model.dials.size > 0 || model.in("closing").length > 0
    must(renewing || free.every((peer) => now - peer.openedAt < limits.maxLifetime), "an old session is replaced")
  }
  if (model.draining || (waiting.length === 0 && model.open >= limits.min)) return
  const { notBefore } = core.backoff
  must(wish <= notBefore || notBefore <= now, "the pool wants to be woken when it may dial again")
  for (const began of model.dials.values()) {
    must(
      wish <= began + SLOW_DIAL || began + SLOW_DIAL <= now,
      "the pool wants to be woken when a dial has become slow"
    )
  }
}

const checkCounters = (model: PoolModel, core: PoolCore<Peer>): void => {
  const { acquired, closed, dialsFailed, dialsStarted, dialsSucceeded } = core.counters
  let outcomes = model.waiting.length
  for (const [outcome, count] of Object.entries(acquired)) {
    outcomes += count
    must(count === (model.acquired.get(outcome as AcquireOutcome) ?? 0), `acquires "${outcome}" are counted`)
  }
  must(outcomes === model.clients, "every acquire has exactly one outcome")
  for (const [reason, count] of Object.entries(closed)) {
    must(count === (model.closings.get(reason as CloseReason) ?? 0), `sessions closed as "${reason}" are counted`)
  }
  const failed = Object.values(dialsFailed).reduce((sum, count) => sum + count, 0)
  const dials = [dialsStarted, dialsSucceeded, failed].join(" ")
  must(dials === [model.started, model.succeeded, model.failed].join(" "), "dials are counted")
}
