import { assert, describe, it } from "@effect/vitest"
import type { Health } from "../../src/services/observability/health/Health.ts"
import { lostVerdict, verdictOf } from "../../src/http/page/Verdict.js"
import { statusPicture } from "./Pictures.ts"

const refused = {
  code: "ECONNREFUSED",
  message: "Nothing accepts connections at db.example.com:5432",
  remedy: "Start the server, or correct host and port."
}

const said = (state: Health["state"], pool: Parameters<typeof statusPicture>[0] = {}) => {
  const status = statusPicture(pool)
  return verdictOf({ ...status, health: { ...status.health, state } })
}

const waiting = { pool: { used: 5, idle: 0, waiting: 3, oldestWaitMillis: 1234 } }

describe("the verdict", () => {
  it("says in words what is the matter, with the numbers of now", () => {
    const sentences = [
      said({ _tag: "Starting" }),
      said({ _tag: "Up" }),
      said({ _tag: "Up" }, waiting),
      said({ _tag: "Degraded", causes: ["saturated"] }, waiting),
      said({ _tag: "Degraded", causes: ["saturated"] }),
      said({ _tag: "Degraded", causes: ["ceiling", "slow"] }, { pool: { ceiling: 3 } }),
      said(
        { _tag: "Degraded", causes: ["breaker"] },
        { lastFailure: { agoMillis: 1, code: "X", message: refused.message } }
      ),
      said({ _tag: "Down", reason: refused }, { pool: { used: 0, idle: 0, waiting: 1, oldestWaitMillis: 300 } }),
      said({ _tag: "Draining" }, { pool: { used: 1 } }),
      said({ _tag: "Draining" }, { pool: { used: 0 } })
    ].map(({ reason, word }) => `${word}: ${reason}`)
    assert.deepStrictEqual(sentences, [
      "Starting: No session was opened yet.",
      "Up: The database answers.",
      "Up: All 5 sessions are in use, 3 callers wait (oldest 1.2 s).",
      "Degraded: All 5 sessions are in use, 3 callers wait (oldest 1.2 s).",
      "Degraded: Every session was in use at the last check.",
      "Degraded: The other side grants 3 of 5 sessions, the server answers slowly (0.90 ms at the last check).",
      "Degraded: New sessions cannot be opened: Nothing accepts connections at db.example.com:5432.",
      "Down: Nothing accepts connections at db.example.com:5432; 1 caller waits (oldest 300 ms).",
      "Draining: No new work is taken, 1 session is still in use.",
      "Draining: No new work is taken, no session is in use."
    ])
  })

  it("says what to do when it is down", () => {
    assert.strictEqual(said({ _tag: "Down", reason: refused }).remedy, refused.remedy)
  })

  it("is the same verdict while only numbers change, and another one for another cause", () => {
    const one = said({ _tag: "Degraded", causes: ["saturated"] }, waiting)
    assert.strictEqual(said({ _tag: "Degraded", causes: ["saturated"] }).key, one.key)
    assert.notStrictEqual(said({ _tag: "Degraded", causes: ["slow"] }).key, one.key)
    assert.notStrictEqual(said({ _tag: "Up" }).key, one.key)
  })

  it("tells the last word when the server is out of reach", () => {
    const last = said({ _tag: "Draining" })
    const lost = lostVerdict({ since: 0, forMillis: 4200, why: "The server has ended", last })
    assert.strictEqual(lost.reason, "The server has ended. No news for 4 s, trying again.")
    assert.match(lost.remedy, /^The last word was Draining;/)
    assert.strictEqual(lostVerdict({ since: 0, forMillis: 0, why: "It is away", last: undefined }).remedy, "")
  })
})
