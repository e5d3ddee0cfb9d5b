import { assert, describe, it } from "@effect/vitest"
import { advance, initialState, watchLine } from "../../../src/cli/watch/WatchState.ts"
import { helloFixture } from "../../page/ScriptedFeed.ts"
import { idleStatus, NOW } from "../status/Statuses.ts"
import { states } from "./States.ts"

const [point] = states.busy.points
const [event] = states.busy.events

describe("the state of the live view", () => {
  it("is replaced by the history of each hello, which also ends a disconnection", () => {
    const lost = advance(states.busy, { kind: "disconnected", data: { why: "x" } }, NOW)
    const data = helloFixture({ stepMillis: 500, history: [point!], events: [event!] })
    const { disconnected, events, points, stepMillis } = advance(lost, { kind: "hello", data }, NOW)
    assert.deepStrictEqual(
      { disconnected, events, points, stepMillis },
      { disconnected: undefined, events: [event], points: [point], stepMillis: 500 }
    )
  })

  it("keeps 15 minutes of points and fifty events", () => {
    let state = initialState
    for (let index = 0; index < 1000; index += 1) {
      state = advance(state, { kind: "point", data: { ...point!, queries: index } }, NOW)
      state = advance(state, { kind: "event", data: { ...event!, text: `${index}` } }, NOW)
    }
    assert.deepStrictEqual([state.points.length, state.points.at(-1)?.queries], [450, 999])
    assert.deepStrictEqual([state.events.length, state.events.at(-1)?.text], [50, "999"])
  })

  it("keeps the first reason and time of a disconnection until a status arrives", () => {
    const gone = advance(states.busy, { kind: "bye", data: { reason: "shutdown" } }, NOW)
    const trying = advance(gone, { kind: "disconnected", data: { why: "ECONNREFUSED" } }, NOW + 1000)
    assert.deepStrictEqual(trying.disconnected, { since: NOW, why: "the program ended (shutdown)" })
    const back = advance(trying, { kind: "status", data: idleStatus }, NOW + 2000)
    assert.deepStrictEqual([back.disconnected, back.status, back.statusAt], [undefined, idleStatus, NOW + 2000])
  })

  it("is one line with its time for output that is not a terminal, also while disconnected", () => {
    assert.match(
      watchLine(states.idle, NOW),
      /^2026-11-22T12:00:00Z Up for 2h 13m: The database answers\. \| open=2\/5 [^\n]*$/
    )
    assert.match(
      watchLine(states.disconnected, NOW),
      /^2026-11-22T12:00:00Z Not connected for 4\.0 s: ECONNREFUSED after 1 ms\. Last status: Degraded for [^\n]*$/
    )
  })
})
