/** Compares the state machine with the model between steps, rule by rule. */
import type { PoolCore } from "../../../../src/services/pool/core/PoolCore.ts"
import type { AcquireOutcome, CloseReason } from "../../../../src/services/pool/core/Snapshot.ts"
import { MAX_DIALS, must, type PoolModel, SLOW_DIAL } from "./PoolModel.ts"
import type { Peer } from "./PoolPeers.ts"

/** Rules that hold after every command. */
export const checkAtRest = (model: PoolModel, core: PoolCore<Peer>): void => {
  const used = model.in("leased").length + model.in("recovering").length
  const counts = [core.dials.size, core.idle, core.used, core.closing].join(" ")
  const idle = model.in("idle")
  must(
    counts === [model.dials.size, idle.length + model.in("probing").length, used, model.in("closing").length].join(" "),
    `connecting, idle, used, closing are ${counts}`
  )
  must(core.total === model.total && core.total <= model.limits.max, "connecting + idle + used + closing <= max")
  must(core.slots.size === model.peers.length, "the pool knows the same sessions as the model")
  const queue: Array<unknown> = []
  for (let waiter = core.waiters.first; waiter !== undefined; waiter = waiter.next) queue.push(waiter)
  must(queue.length === model.waiting.length, "the pool has the same waiters as the model")
  must(
    model.waiting.every((client, at) => queue[at] === client && client.state === "waiting"),
    "the queue keeps its order"
  )
  must(
    model.waiting.length <= (model.draining ? 0 : model.limits.maxWaiting),
    "the queue is bounded, and empty at the end"
  )
  const leases = model.in("leased").every((peer) => peer.slot?.lease === peer.holder && peer.holder?.slot === peer.slot)
  must(leases, "a session belongs to one lease and a lease to one session")
  must(
    model.in("recovering").every((peer) => peer.recoverRequested),
    "a session with state left behind is reset"
  )
  must(
    !idle.some((peer) => peer.evicted || model.draining),
    "an evicted session is not idle, nor any session of a draining pool"
  )
  if (model.waiting.length > 0)
    must(!idle.some((peer) => model.isUsable(peer)), "no caller waits while a session is usable")
  checkCounters(model, core)
}

/** After a step, the pool has started everything that it can do for its waiters. */
export const checkProgress = (model: PoolModel): void => {
  if (model.draining || model.failing !== undefined || model.outage || model.refused !== undefined) return
  if (model.total >= model.limits.max || model.dials.size + model.recentAuthFailures >= MAX_DIALS) return
  must(model.waiting.length <= model.in("probing").length + model.quickDials, "a probe or dial runs for every waiter")
  must(model.open + model.dials.size >= model.limits.min, "min is kept without traffic")
}

/** After a tick, expired sessions and waiters are gone, and `nextTick` is early enough for the next deadline. */
export const checkSweep = (model: PoolModel, core: PoolCore<Peer>, nextTick: number): void => {
  const { limits, now, waiting } = model
  must(nextTick > now, "the next tick is in the future")
  for (const client of waiting) {
    must(client.deadline > now, "no caller waits beyond its deadline")
    // A caller that acquires from within a hook arms the timer itself.
    must(nextTick <= client.deadline || !model.strict, "the next tick is no later than any deadline")
  }
  if (model.strict && !model.draining) {
    const idle = model.in("idle")
    const surplus = model.open > limits.min
    must(
      !surplus || idle.every((peer) => now - peer.since < limits.idleTimeout),
      "a session idle for too long is closed"
    )
    const isReplacing = core.isRotating || model.dials.size > 0 || model.in("closing").length > 0
    must(isReplacing || idle.every((peer) => now - peer.openedAt < limits.maxLifetime), "an old session is replaced")
  }
  if (model.draining || (waiting.length === 0 && model.open >= limits.min)) return
  const { notBefore } = core.backoff
  must(nextTick <= notBefore || notBefore <= now, "the next tick is no later than the next permitted dial")
  for (const began of model.dials.values()) {
    must(
      nextTick <= began + SLOW_DIAL || began + SLOW_DIAL <= now,
      "the next tick is no later than a dial becomes slow"
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
