/** The variants of this project's layer that are compared. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { SqlClient } from "effect/sql/SqlClient"
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"
import { PoolMetrics } from "../../src/services/observability/PoolMetrics.ts"
import type { SettingsInput } from "../../src/services/config/settings/Settings.ts"
import type { LeasedSession } from "../../src/services/pool/SessionLease.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import type { Contender } from "../Contender.ts"
import { effectContender } from "../EffectContender.ts"
import { sessionOperations, singleOperations } from "./SessionOperations.ts"
import { sqlOperations } from "./SqlOperations.ts"

/** A burst has ten thousand waiters; the default limit would refuse most of them. */
const MAX_WAITING = 20_000

/** Fifteen times as often as in the examples of Prometheus' documentation, so that the cost of a scrape is visible. */
const SCRAPE_INTERVAL = "1 second"

export interface Kind {
  /**
   * `sql`: statements of Effect SQL. `use`: `SessionPool.use` and a session's own methods. `execute`: as `use`, single
   * statements through `SessionPool.execute`.
   */
  readonly surface: "sql" | "use" | "execute"
  /** Whether metrics (scraped every second) and spans are on. */
  readonly isObserved: boolean
  /** Additional settings of the layer. */
  readonly settings?: SettingsInput | undefined
}

/** Reads the metrics in intervals, like Prometheus. */
const scrapeMetrics = Layer.effectDiscard(
  Effect.gen(function* () {
    const { prometheus } = yield* PoolMetrics
    yield* Effect.forkScoped(Effect.forever(Effect.delay(prometheus, SCRAPE_INTERVAL)))
  })
).pipe(Layer.provide(PoolMetrics.layer))

export const ours = ({ isObserved, settings, surface }: Kind): Contender =>
  effectContender(
    Effect.fnUntraced(function* ({ sessions, url }) {
      const layer = SupavisorLayer.layer({
        ...settings,
        url,
        pool: { ...settings?.pool, min: sessions, max: sessions, maxWaiting: MAX_WAITING }
      }).pipe(Layer.provide(Logger.layer([])))
      const context = yield* Layer.build(isObserved ? Layer.provideMerge(scrapeMetrics, layer) : layer)
      const pool = Context.get(context, SessionPool)
      const sql = Context.get(context, SqlClient)
      // This pool opens a few sessions at a time. Acquire all of them now, so that none is opened during a sample.
      yield* Effect.scoped(Effect.replicateEffect(pool.get, sessions, { concurrency: "unbounded", discard: true }))
      const onSessions = sessionOperations<LeasedSession>(pool.use, (session, text, values) =>
        session.execute(text, values, undefined)
      )
      return {
        operations: {
          sql: sqlOperations(sql),
          use: onSessions,
          execute: { ...onSessions, ...singleOperations(pool.execute) }
        }[surface],
        lease: surface === "use" ? pool.use(() => Effect.void) : undefined,
        session: surface === "sql" ? sql.reserve : pool.get,
        around: Effect.withTracerEnabled(isObserved)
      }
    })
  )
