/** What the live view may know: work and waiters, a lost database, a lost program. */
import type { Point, ShownEvent } from "../../../src/cli/watch/FeedMessage.ts"
import { initialState, type WatchState } from "../../../src/cli/watch/WatchState.ts"
import { busyStatus, downStatus, idleStatus, NOW } from "../status/Statuses.ts"

const STEPS = 120

/** Three minutes of work that comes and goes, with a minute in which nobody waited. */
const points: ReadonlyArray<Point> = Array.from({ length: STEPS }, (_, step) => ({
  used: step % 6,
  waiting: step % 17 === 0 ? 2 : 0,
  max: 5,
  waitP95: step >= 60 && step < 90 ? null : (step % 13) / 2,
  queryP95: 4 + (step % 9),
  queries: 20 + (step % 5)
}))

const events: ReadonlyArray<ShownEvent> = Array.from({ length: 30 }, (_, index) => ({
  at: NOW - (30 - index) * 1000,
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
  lost: { ...known, status: busyStatus, lost: { since: NOW - 4000, why: "ECONNREFUSED after 1 ms" } }
} as const satisfies Readonly<Record<string, WatchState>>
