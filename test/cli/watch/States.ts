/** States of the live view: idle, busy, a lost database, an outdated status, a lost connection. */
import type { HistoryEvent, HistoryPoint } from "../../../src/http/StatusSchema.ts"
import { initialState, type WatchState } from "../../../src/cli/watch/WatchState.ts"
import { pointFixture } from "../../http/StatusFixtures.ts"
import { busyStatus, downStatus, idleStatus, NOW } from "../status/Statuses.ts"

const STEPS = 120

/** Four minutes of a changing load, with a minute without waits. */
const points: ReadonlyArray<HistoryPoint> = Array.from({ length: STEPS }, (_, step) =>
  pointFixture({
    used: step % 6,
    waiting: step % 17 === 0 ? 2 : 0,
    max: 5,
    waitP95: step >= 60 && step < 90 ? null : (step % 13) / 2,
    queryP95: 4 + (step % 9),
    queries: 20 + (step % 5)
  })
)

const events: ReadonlyArray<HistoryEvent> = Array.from({ length: 30 }, (_, index) => ({
  at: NOW - (30 - index) * 1000,
  tag: "SessionOpened",
  level: index % 10 === 9 ? "warn" : "info",
  text: `Session ${index} was opened in ${index + 3} ms.`
}))

const known: WatchState = { ...initialState, statusAt: NOW, points, events }

export const states = {
  connecting: initialState,
  idle: { ...known, status: idleStatus },
  busy: { ...known, status: busyStatus },
  down: { ...known, status: downStatus },
  stale: { ...known, status: busyStatus, statusAt: NOW - 7000 },
  disconnected: { ...known, status: busyStatus, disconnected: { since: NOW - 4000, why: "ECONNREFUSED after 1 ms" } }
} as const satisfies Readonly<Record<string, WatchState>>
