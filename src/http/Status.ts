/** Everything that is known at one instant, as `/status` tells it. Times are milliseconds unless the name says so. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Advisor } from "../services/observability/Advisor.ts"
import { redact } from "../services/config/ConnectionString.ts"
import { DemoLoad } from "../services/embedded/DemoLoad.ts"
import { HealthCheck } from "../services/observability/HealthCheck.ts"
import { isReady } from "../services/observability/health/Health.ts"
import { monotonicMillis } from "../services/wire/MonotonicClock.ts"
import type { SessionEntry } from "../services/pool/SessionList.ts"
import { PoolHistory } from "../services/observability/PoolHistory.ts"
import { PostgresMonitor } from "../services/observability/PostgresMonitor.ts"
import { secretsOfSettings } from "../services/config/settings/Secrets.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import { SessionPool } from "../services/pool/SessionPool.ts"
import { shownSettings } from "./RedactedSettings.ts"
import { version } from "./Version.ts"
import { MILLIS_PER_SECOND } from "../services/errors/Units.ts"

/**
 * A reader of the status; the uptime counts from the making of the reader. `findings` and `database` are null where
 * nobody watches: a server does not need an advisor or a monitor. `wait` and `query` are about the last minute, null
 * where nothing was measured.
 */
export const makeStatus = Effect.gen(function* () {
  const pool = yield* SessionPool
  const health = yield* HealthCheck
  const settings = yield* SessionConfig
  const advisor = Option.getOrUndefined(yield* Effect.serviceOption(Advisor))
  const monitor = Option.getOrUndefined(yield* Effect.serviceOption(PostgresMonitor))
  const history = yield* PoolHistory
  const demo = Option.exists(yield* Effect.serviceOption(DemoLoad), ({ isActive }) => isActive)
  const now = monotonicMillis(yield* Clock.Clock)
  const startedAt = now()
  const secrets = secretsOfSettings(settings)
  const config = shownSettings(settings)
  // a statement written by hand may hold the password as a literal, and the error that it got may repeat it
  const shown = (entry: SessionEntry) => ({
    ...entry,
    statement: entry.statement === undefined ? undefined : redact(entry.statement, secrets),
    lastError: entry.lastError === undefined ? null : redact(entry.lastError, secrets)
  })
  return Effect.gen(function* () {
    const { lastFailure, phase, ...snapshot } = yield* pool.snapshot
    const current = yield* health.current
    const ledger = yield* pool.sessions
    const { queriesPerSecond, query, wait } = yield* history.recent
    return {
      version,
      demo,
      uptimeSeconds: Math.round((now() - startedAt) / MILLIS_PER_SECOND),
      phase,
      ready: isReady(current),
      health: current,
      // the role's name on the wire carries the project's reference
      endpoint: { host: pool.endpoint.host, port: pool.endpoint.port, database: pool.endpoint.database },
      findings: advisor === undefined ? null : yield* advisor.findings,
      pool: snapshot,
      database: monitor === undefined ? null : yield* monitor.current,
      ledger: ledger.map(shown),
      waiters: yield* pool.waiters,
      process: yield* history.process,
      wait,
      query: { ...query, perSecond: queriesPerSecond },
      lastFailure:
        lastFailure === undefined
          ? null
          : {
              agoMillis: Math.round(now() - lastFailure.atMillis),
              code: lastFailure.code,
              message: redact(lastFailure.message, secrets)
            },
      config
    }
  })
})

/** What `/status` tells. */
export type StatusBody = Effect.Success<Effect.Success<typeof makeStatus>>
