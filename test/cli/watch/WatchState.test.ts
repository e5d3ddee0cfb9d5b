import { assert, describe, it } from "@effect/vitest"
import { advance, initialState } from "../../../src/cli/watch/WatchState.ts"
import { watchLine } from "../../../src/cli/watch/WatchLine.ts"
import { idleStatus, NOW } from "../status/Statuses.ts"
import { states } from "./States.ts"

const [point] = states.busy.points
const [event] = states.busy.events

describe("what the live view knows", () => {
  it("begins anew with the history of each hello, and is connected again by it", () => {
    const lost = advance(states.busy, { kind: "lost", data: { why: "x" } }, NOW)
    const data = { stepMillis: 500, history: [point!], events: [event!] }
    const { events, lost: loss, points, stepMillis } = advance(lost, { kind: "hello", data }, NOW)
    assert.deepStrictEqual(
      { events, loss, points, stepMillis },
      {
        events: [event],
        loss: undefined,
        points: [point],
        stepMillis: 500
      }
    )
  })

  it("keeps a quarter of an hour and fifty events, however long it watches", () => {
    let state = initialState
    for (let index = 0; index < 1000; index += 1) {
      state = advance(state, { kind: "point", data: { ...point!, queries: index } }, NOW)
      state = advance(state, { kind: "event", data: { ...event!, text: `${index}` } }, NOW)
    }
    assert.deepStrictEqual([state.points.length, state.points.at(-1)?.queries], [450, 999])
    assert.deepStrictEqual([state.events.length, state.events.at(-1)?.text], [50, "999"])
  })

  it("keeps the first reason and instant of a loss until a status comes", () => {
    const gone = advance(states.busy, { kind: "bye", data: { reason: "shutdown" } }, NOW)
    const trying = advance(gone, { kind: "lost", data: { why: "ECONNREFUSED" } }, NOW + 1000)
    assert.deepStrictEqual(trying.lost, { since: NOW, why: "the program ended (shutdown)" })
    const back = advance(trying, { kind: "status", data: idleStatus }, NOW + 2000)
    assert.deepStrictEqual([back.lost, back.status, back.statusAt], [undefined, idleStatus, NOW + 2000])
  })

  it("is one line with its time where there is no terminal, also while the program is gone", () => {
    assert.match(watchLine(states.idle, NOW), /^2026-11-22T12:00:00Z Up for 2 h 13 min \| open=2\/5 [^\n]*$/)
    assert.match(
      watchLine(states.lost, NOW),
      /^2026-11-22T12:00:00Z Not connected for 4 s: ECONNREFUSED after 1 ms\. Last known: Degraded for [^\n]*$/
    )
  })
})
