/** An empty history, with changes; updates are sent by the test. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { nothingMeasured } from "../../src/services/observability/history/Interval.ts"
import { type HistoryUpdate, type HistoryContents, PoolHistory } from "../../src/services/observability/PoolHistory.ts"

/** The subscribers of a history. */
export type Listeners = Set<(news: HistoryUpdate) => void>

export const historyOf = (
  past: Partial<HistoryContents> = {},
  listeners: Listeners = new Set()
): Layer.Layer<PoolHistory> =>
  Layer.succeed(PoolHistory, {
    contents: () => ({ points: [], events: [], ...past }),
    recent: Effect.succeed({
      wait: nothingMeasured,
      query: nothingMeasured,
      queries: 0,
      queriesPerSecond: null,
      dials: 0,
      dialFailures: 0,
      closes: {}
    }),
    process: Effect.succeed({
      pid: 4711,
      nodeVersion: "v24.0.0",
      uptimeSeconds: 1,
      cpu: 0.01,
      rssBytes: 1,
      heapUsedBytes: 1,
      heapTotalBytes: 1,
      loopDelayP50Millis: 0,
      loopDelayP99Millis: 0
    }),
    subscribe: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener))
      )
  })
