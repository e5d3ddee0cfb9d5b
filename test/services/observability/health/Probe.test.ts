import { assert, describe, it } from "@effect/vitest"
import { outcomeOfTraffic } from "../../../../src/services/observability/health/Probe.ts"
import type { SessionEntry } from "../../../../src/services/pool/SessionList.ts"

const session = (
  silentMillis: number,
  runningMillis?: number,
  state: SessionEntry["state"] = "used"
): SessionEntry => ({
  sessionId: 1,
  backendPid: 1,
  state,
  ageMillis: 60_000,
  idleMillis: undefined,
  silentMillis,
  uses: 1,
  holder: undefined,
  traceId: undefined,
  heldMillis: undefined,
  statement: undefined,
  runningMillis
})

const outcome = (sessions: ReadonlyArray<SessionEntry>, sinceMillis = 30_000) =>
  outcomeOfTraffic(sessions, sinceMillis)._tag

describe("the outcome by the traffic of the sessions in use", () => {
  it("is answered when a session received data since the last check", () => {
    assert.strictEqual(outcome([session(40_000, 40_000), session(29_999, 10)]), "Answered")
  })

  it("is unanswered when a statement waits and all have been silent for longer than a probe may take", () => {
    assert.strictEqual(outcome([session(40_000, 40_000), session(35_000)]), "Unanswered")
    assert.strictEqual(outcome([session(2001, 2001)], 1000), "Unanswered")
  })

  it("is skipped while no statement waits, or not for long enough", () => {
    assert.strictEqual(outcome([]), "Skipped")
    assert.strictEqual(outcome([session(40_000), session(50_000)]), "Skipped")
    assert.strictEqual(outcome([session(40_000, 1999)]), "Skipped")
    assert.strictEqual(outcome([session(1500, 1500)], 1000), "Skipped")
  })

  it("does not count the last data of a session that is being closed", () => {
    assert.strictEqual(outcome([session(5, undefined, "closing"), session(40_000, 40_000)]), "Unanswered")
  })
})
