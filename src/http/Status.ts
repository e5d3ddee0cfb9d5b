/** Everything that is known at one instant, as `/status` tells it. Times are milliseconds unless the name says so. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Advisor } from "../services/Advisor.ts"
import { redact, secretsOf } from "../services/ConnectionString.ts"
import { HealthCheck } from "../services/HealthCheck.ts"
import { isReady } from "../services/health/Health.ts"
import { monotonicMillis } from "../services/MonotonicClock.ts"
import { PostgresMonitor } from "../services/PostgresMonitor.ts"
import { SessionConfig } from "../services/SessionConfig.ts"
import { SessionPool } from "../services/SessionPool.ts"
import { shownSettings } from "./ShownSettings.ts"
import { version } from "./Version.ts"

const MILLIS_PER_SECOND = 1000

/**
 * A reader of the status; the uptime counts from the making of the reader. `findings` and `database` are null where
 * nobody watches: a server does not need an advisor or a monitor.
 */
export const makeStatus = Effect.gen(function* () {
  const pool = yield* SessionPool
  const health = yield* HealthCheck
  const settings = yield* SessionConfig
  const advisor = Option.getOrUndefined(yield* Effect.serviceOption(Advisor))
  const monitor = Option.getOrUndefined(yield* Effect.serviceOption(PostgresMonitor))
  const now = monotonicMillis(yield* Clock.Clock)
  const startedAt = now()
  const secrets = settings.connection === undefined ? [] : secretsOf(settings.connection)
  const config = shownSettings(settings)
  return Effect.gen(function* () {
    const { lastFailure, phase, ...snapshot } = yield* pool.snapshot
    const current = yield* health.current
    const ledger = yield* pool.ledger
    return {
      version,
      uptimeSeconds: Math.round((now() - startedAt) / MILLIS_PER_SECOND),
      phase,
      ready: isReady(current),
      health: current,
      // the role's name on the wire carries the project's reference
      endpoint: { host: pool.endpoint.host, port: pool.endpoint.port, database: pool.endpoint.database },
      findings: advisor === undefined ? null : yield* advisor.findings,
      pool: snapshot,
      database: monitor === undefined ? null : yield* monitor.current,
      // a statement written by hand may hold the password as a literal
      ledger: ledger.map((entry) =>
        entry.statement === undefined
          ? entry
          : Object.assign({}, entry, { statement: redact(entry.statement, secrets) })
      ),
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
