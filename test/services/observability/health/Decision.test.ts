import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { decide, healthAfter, isSaturated } from "../../../../src/services/observability/health/Decision.ts"
import { afterEvent, type Findings, noFindings } from "../../../../src/services/observability/health/HealthEvidence.ts"
import { isReady, startingHealth, unanswered } from "../../../../src/services/observability/health/Health.ts"
import { emptyCounters, type PoolSnapshot } from "../../../../src/services/pool/core/Snapshot.ts"
import { poolPicture } from "../../../http/PoolPicture.ts"

const error = unanswered("silent")

const someError = fc.constantFrom(undefined, error)

const findings: fc.Arbitrary<Findings> = fc.record({
  known: fc.boolean(),
  silence: someError,
  latencyMillis: fc.constantFrom(undefined, 1, 499, 501, 1999),
  saturated: fc.boolean(),
  checkedAt: fc.constant(0),
  consecutiveFailures: fc.nat(3),
  trouble: someError,
  lastError: fc.constant(undefined),
  draining: fc.boolean()
})

const breaker = fc.record({
  state: fc.constantFrom("closed" as const, "open" as const, "half-open" as const),
  retryInMillis: fc.constant(undefined)
})

const snapshot: fc.Arbitrary<PoolSnapshot> = fc
  .record({
    phase: fc.constantFrom("starting" as const, "open" as const, "draining" as const, "closed" as const),
    used: fc.nat(5),
    idle: fc.nat(5),
    ceiling: fc.integer({ min: 1, max: 5 }),
    breakers: fc.record({ network: breaker, capacity: breaker, auth: breaker }),
    dialsStarted: fc.nat(2)
  })
  .map(({ dialsStarted, ...drawn }) =>
    poolPicture({ ...drawn, open: drawn.used + drawn.idle, counters: { ...emptyCounters(), dialsStarted } })
  )

describe("the decision", () => {
  it("calls an ending pool draining, whatever else is known", () => {
    fc.assert(
      fc.property(findings, snapshot, (known, picture) => {
        const ends = known.draining || picture.phase === "draining" || picture.phase === "closed"
        assert.strictEqual(decide(known, picture)._tag === "Draining", ends)
      })
    )
  })

  it("takes the pool's word for a drain that its picture does not show yet", () => {
    const known = afterEvent(noFindings, { _tag: "Draining", used: 0, waiting: 0, at: 0 }, (text) => text)
    assert.strictEqual(decide(known, poolPicture())._tag, "Draining")
  })

  it("never sends work to a pool that found no answer, or that has no session and a trouble", () => {
    fc.assert(
      fc.property(findings, snapshot, (known, picture) => {
        const health = healthAfter(startingHealth(0), known, picture, 1)
        if (picture.open > 0 ? known.silence !== undefined : known.trouble !== undefined)
          assert.isFalse(isReady(health))
      })
    )
  })

  it("sends work to every pool that answers, be it full, limited or slow", () => {
    fc.assert(
      fc.property(findings, snapshot, (known, picture) => {
        fc.pre(known.known && known.silence === undefined && !known.draining)
        fc.pre(picture.open > 0 && (picture.phase === "open" || picture.phase === "starting"))
        assert.isTrue(isReady(healthAfter(startingHealth(0), known, picture, 1)))
      })
    )
  })

  it("names at least one cause when it calls a pool degraded, and none that does not hold", () => {
    fc.assert(
      fc.property(findings, snapshot, (known, picture) => {
        const state = decide(known, picture)
        if (state._tag !== "Degraded") return
        assert.isNotEmpty(state.causes)
        const { auth, capacity, network } = picture.breakers
        for (const cause of state.causes) {
          if (cause === "saturated") assert.isTrue(isSaturated(picture))
          else if (cause === "slow") assert.isAbove(known.latencyMillis ?? 0, 500)
          else if (cause === "ceiling") assert.isBelow(picture.ceiling, picture.max)
          else assert.isTrue([auth, capacity, network].some(({ state }) => state !== "closed"))
        }
      })
    )
  })

  it("keeps the instant at which a state began while it lasts", () => {
    const up = healthAfter(startingHealth(0), { ...noFindings, known: true }, poolPicture(), 100)
    const later = healthAfter(up, { ...noFindings, known: true }, poolPicture(), 200)
    const down = healthAfter(later, { ...noFindings, known: true, silence: error }, poolPicture(), 300)
    assert.deepStrictEqual([up.since, later.since, down.since], [100, 100, 300])
  })
})
