import { assert, describe, it } from "@effect/vitest"
import type { HealthState } from "../../../../src/services/observability/health/Health.ts"
import { type VerdictInput, verdictOf } from "../../../../src/services/observability/health/Verdict.ts"
import { healthFixture } from "../../../http/HealthFixture.ts"
import { poolFixture } from "../../../http/PoolFixture.ts"

const refused = {
  code: "ECONNREFUSED",
  message: "Nothing accepts connections at db.example.com:5432",
  remedy: "Start the server, or correct host and port."
}

const verdict = (
  state: HealthState,
  pool: Partial<VerdictInput["pool"]> = {},
  lastFailure: VerdictInput["lastFailure"] = null
) => verdictOf({ health: healthFixture({ state, latencyMillis: 0.9 }), pool: poolFixture(pool), lastFailure })

const waiting = { used: 5, idle: 0, waiting: 3, oldestWaitMillis: 1234 }

describe("the verdict", () => {
  it("is one sentence of reasons with current numbers", () => {
    const sentences = [
      verdict({ _tag: "Starting" }),
      verdict({ _tag: "Up" }),
      verdict({ _tag: "Up" }, waiting),
      verdict({ _tag: "Degraded", causes: ["saturated"] }, waiting),
      verdict({ _tag: "Degraded", causes: ["saturated"] }),
      verdict({ _tag: "Degraded", causes: ["ceiling", "slow"] }, { ceiling: 3 }),
      verdict({ _tag: "Degraded", causes: ["breaker"] }, {}, { message: refused.message }),
      verdict({ _tag: "Degraded", causes: ["breaker"] }),
      verdict({ _tag: "Down", reason: refused }, { waiting: 1, oldestWaitMillis: 300 }),
      verdict({ _tag: "Draining" }, { used: 1 }),
      verdict({ _tag: "Draining" }, { used: 2 }),
      verdict({ _tag: "Draining" }, { used: 0 })
    ].map(({ reason, word }) => `${word}: ${reason}`)
    assert.deepStrictEqual(sentences, [
      "Starting: No session was opened yet.",
      "Up: The database answers.",
      "Up: All 5 sessions are in use, 3 callers wait (oldest 1.2 s).",
      "Degraded: All 5 sessions are in use, 3 callers wait (oldest 1.2 s).",
      "Degraded: All sessions were in use at the last check.",
      "Degraded: The server grants 3 of 5 sessions, the server answers slowly (0.90 ms at the last check).",
      "Degraded: New sessions cannot be opened: Nothing accepts connections at db.example.com:5432.",
      "Degraded: New sessions cannot be opened.",
      "Down: Nothing accepts connections at db.example.com:5432; 1 caller waits (oldest 300 ms).",
      "Draining: No new work is accepted, 1 session is still in use.",
      "Draining: No new work is accepted, 2 sessions are still in use.",
      "Draining: No new work is accepted, no session is in use."
    ])
  })

  it("has a level, and a remedy when the pool is down", () => {
    assert.deepInclude(verdict({ _tag: "Down", reason: refused }), { level: "down", remedy: refused.remedy })
    assert.deepInclude(verdict({ _tag: "Up" }), { level: "up", remedy: undefined })
  })

  it("keeps its key while only numbers change, and has another key for another cause", () => {
    const { key } = verdict({ _tag: "Degraded", causes: ["saturated"] }, waiting)
    assert.strictEqual(verdict({ _tag: "Degraded", causes: ["saturated"] }).key, key)
    assert.notStrictEqual(verdict({ _tag: "Degraded", causes: ["slow"] }).key, key)
    assert.notStrictEqual(verdict({ _tag: "Up" }).key, key)
  })
})
