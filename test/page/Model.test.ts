import { assert, describe, it } from "@effect/vitest"
import { Model } from "../../src/http/page/Model.js"
import { eventFixture, historyFixture, pointFixture } from "../http/StatusFixtures.ts"
import { helloFixture } from "./ScriptedFeed.ts"

describe("the page's data", () => {
  it("keeps the points of the window and the last fifty events", () => {
    const model = new Model()
    model.hello(helloFixture({ windowMillis: 10_000 }))
    for (let at = 0; at <= 60_000; at += 2000) model.point(pointFixture({ at }))
    for (let at = 0; at < 200; at += 1) model.event(eventFixture({ at }))
    assert.deepStrictEqual(
      model.points.map(({ at }) => at),
      [50_000, 52_000, 54_000, 56_000, 58_000, 60_000]
    )
    assert.strictEqual(model.events.length, 50)
    assert.strictEqual(model.events.at(-1)?.at, 199)
  })

  it("replaces its data on `hello`, and distinguishes equal events", () => {
    const model = new Model()
    const event = eventFixture()
    model.hello(helloFixture({ history: historyFixture(3), events: [event, event] }))
    model.hello(helloFixture({ history: historyFixture(2), events: [event, event] }))
    assert.strictEqual(model.points.length, 2)
    assert.strictEqual(new Set(model.events.map(({ id }) => id)).size, 2)
  })
})
