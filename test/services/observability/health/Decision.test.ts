import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  afterEvent,
  type HealthEvidence,
  noEvidence,
  decide,
  healthAfter,
  isSaturated
} from "../../../../src/services/observability/health/HealthEvidence.ts"
import { isReady, startingHealth, unanswered } from "../../../../src/services/observability/health/Health.ts"
import { emptyCounters, type PoolSnapshot } from "../../../../src/services/pool/core/Snapshot.ts"
import { poolFixture } from "../../../http/PoolFixture.ts"

const error = unanswered("silent")

const someError = fc.constantFrom(undefined, error)

const evidences: fc.Arbitrary<HealthEvidence> = fc.record({
  checked: fc.boolean(),
  checkFailure: someError,
  latencyMillis: fc.constantFrom(undefined, 1, 499, 501, 1999),
  saturated: fc.boolean(),
  checkedAt: fc.constant(0),
  consecutiveFailures: fc.nat(3),
  recentFailure: someError,
  lastError: fc.constant(undefined),
  draining: fc.boolean()
})

const breaker = fc.record({
  state: fc.constantFrom("closed" as const, "open" as const, "half-open" as const),
  retryInMillis: fc.constant(undefined)
})

const snapshots: fc.Arbitrary<PoolSnapshot> = fc
  .record({
    phase: fc.constantFrom("starting" as const, "open" as const, "draining" as const, "closed" as const),
    used: fc.nat(5),
    idle: fc.nat(5),
    ceiling: fc.integer({ min: 1, max: 5 }),
    breakers: fc.record({ network: breaker, capacity: breaker, auth: breaker }),
    dialsStarted: fc.nat(2)
  })
  .map(({ dialsStarted, ...drawn }) =>
    poolFixture({ ...drawn, open: drawn.used + drawn.idle, counters: { ...emptyCounters(), dialsStarted } })
  )

describe("the decision", () => {
  it("reports a draining pool as draining, whatever the evidence", () => {
    fc.assert(
      fc.property(evidences, snapshots, (evidence, pool) => {
        const ends = evidence.draining || pool.phase === "draining" || pool.phase === "closed"
        assert.strictEqual(decide(evidence, pool)._tag === "Draining", ends)
      })
    )
  })

  it("reports a drain that the snapshot does not show yet", () => {
    const evidence = afterEvent(noEvidence, { _tag: "Draining", used: 0, waiting: 0, at: 0 }, (text) => text)
    assert.strictEqual(decide(evidence, poolFixture())._tag, "Draining")
  })

  it("is not ready when the server did not answer, or when there is no session and a recent failure", () => {
    fc.assert(
      fc.property(evidences, snapshots, (evidence, pool) => {
        const health = healthAfter(startingHealth(0), evidence, pool, 1)
        if (pool.open > 0 ? evidence.checkFailure !== undefined : evidence.recentFailure !== undefined)
          assert.isFalse(isReady(health))
      })
    )
  })

  it("is ready for every pool that answers, also when it is full, limited or slow", () => {
    fc.assert(
      fc.property(evidences, snapshots, (evidence, pool) => {
        fc.pre(evidence.checked && evidence.checkFailure === undefined && !evidence.draining)
        fc.pre(pool.open > 0 && (pool.phase === "open" || pool.phase === "starting"))
        assert.isTrue(isReady(healthAfter(startingHealth(0), evidence, pool, 1)))
      })
    )
  })

  it("names at least one cause when a pool is degraded, and only causes that apply", () => {
    fc.assert(
      fc.property(evidences, snapshots, (evidence, pool) => {
        const state = decide(evidence, pool)
        if (state._tag !== "Degraded") return
        assert.isNotEmpty(state.causes)
        const { auth, capacity, network } = pool.breakers
        for (const cause of state.causes) {
          if (cause === "saturated") assert.isTrue(isSaturated(pool))
          else if (cause === "slow") assert.isAbove(evidence.latencyMillis ?? 0, 500)
          else if (cause === "ceiling") assert.isBelow(pool.ceiling, pool.max)
          else assert.isTrue([auth, capacity, network].some(({ state }) => state !== "closed"))
        }
      })
    )
  })

  it("keeps the time when a state began", () => {
    const up = healthAfter(startingHealth(0), { ...noEvidence, checked: true }, poolFixture(), 100)
    const later = healthAfter(up, { ...noEvidence, checked: true }, poolFixture(), 200)
    const down = healthAfter(later, { ...noEvidence, checked: true, checkFailure: error }, poolFixture(), 300)
    assert.deepStrictEqual([up.since, later.since, down.since], [100, 100, 300])
  })
})
