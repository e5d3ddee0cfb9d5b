import { assert, describe, it } from "@effect/vitest"
import { disconnectedVerdict } from "../../src/http/page/VerdictLine.js"
import { statusFixture } from "../http/StatusFixtures.ts"

describe("the verdict of a disconnected page", () => {
  it("has the reason, the time without a status, and the last verdict", () => {
    const last = statusFixture({ health: { ...statusFixture().health, state: { _tag: "Draining" } } }).verdict
    const verdict = disconnectedVerdict({ since: 0, forMillis: 4200, why: "The server has ended", last })
    assert.deepInclude(verdict, {
      word: "Not connected",
      reason: "The server has ended. No status for 4 s, trying again.",
      remedy: "The last verdict was Draining; the values below are of that time."
    })
    assert.isUndefined(disconnectedVerdict({ since: 0, forMillis: 0, why: "It is away", last: undefined }).remedy)
  })
})
