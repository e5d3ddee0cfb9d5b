/** The status of the pool and the program at one instant, as `/status` and `/events` send it. */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { redact, describe } from "../services/config/ConnectionString.ts"
import { SessionConfig, formatDuration, type Settings } from "../services/config/SessionConfig.ts"
import { secretsOfSettings } from "../services/config/settings/Secrets.ts"
import { DemoLoad } from "../services/embedded/DemoLoad.ts"
import { MILLIS_PER_SECOND } from "../services/errors/Units.ts"
import { Advisor } from "../services/observability/Advisor.ts"
import { isReady } from "../services/observability/health/Health.ts"
import { verdictOf } from "../services/observability/health/Verdict.ts"
import { HealthCheck } from "../services/observability/HealthCheck.ts"
import { PoolHistory } from "../services/observability/PoolHistory.ts"
import { PostgresMonitor } from "../services/observability/PostgresMonitor.ts"
import type { SessionEntry } from "../services/pool/SessionList.ts"
import { SessionPool } from "../services/pool/SessionPool.ts"
import { monotonicMillis } from "../services/wire/MonotonicClock.ts"
import { StatusBody } from "./StatusSchema.ts"
import { version } from "./Version.ts"

export const encodeStatus: (status: StatusBody) => string = Schema.encodeSync(Schema.fromJsonString(StatusBody))

/** Makes a reader of the status; the uptime counts from here. `findings` and `database` are null without a service. */
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
  const config = redactedSettings(settings)
  // A statement may contain the password as a literal, and its error may repeat it.
  const redacted = (entry: SessionEntry) => ({
    ...entry,
    statement: entry.statement === undefined ? undefined : redact(entry.statement, secrets),
    lastError: entry.lastError === undefined ? null : redact(entry.lastError, secrets)
  })
  return Effect.gen(function* () {
    const { lastFailure: failure, phase, ...snapshot } = yield* pool.snapshot
    const current = yield* health.current
    const sessions = yield* pool.sessions
    const { queriesPerSecond, query, wait } = yield* history.recent
    const lastFailure =
      failure === undefined
        ? null
        : {
            agoMillis: Math.round(now() - failure.atMillis),
            code: failure.code,
            message: redact(failure.message, secrets)
          }
    const status: StatusBody = {
      version,
      demo,
      uptimeSeconds: Math.round((now() - startedAt) / MILLIS_PER_SECOND),
      phase,
      ready: isReady(current),
      verdict: verdictOf({ health: current, pool: snapshot, lastFailure }),
      health: current,
      // The user name is left out: it contains the project's reference.
      endpoint: { host: pool.endpoint.host, port: pool.endpoint.port, database: pool.endpoint.database },
      findings: advisor === undefined ? null : yield* advisor.findings,
      pool: snapshot,
      database: monitor === undefined ? null : yield* monitor.current,
      sessions: sessions.map(redacted),
      waiters: yield* pool.waiters,
      process: yield* history.process,
      wait,
      query: { ...query, perSecond: queriesPerSecond },
      lastFailure,
      config
    }
    return status
  })
})

const durationText = (duration: Duration.Duration | undefined): string =>
  duration === undefined ? "off" : formatDuration(duration)

/** Every setting in the form of the environment, without secrets: of `sessionSettings` only the names. */
const redactedSettings = (settings: Settings) => ({
  connection: settings.connection === undefined ? null : describe(settings.connection),
  connectionType: settings.connectionType,
  source: settings.source,
  pool: {
    min: settings.pool.min,
    max: settings.pool.max,
    reasoning: settings.pool.reasoning,
    idleTimeout: durationText(settings.pool.idleTimeout),
    maxLifetime: durationText(settings.pool.maxLifetime),
    acquireTimeout: durationText(settings.pool.acquireTimeout),
    maxWaiting: settings.pool.maxWaiting,
    pipeline: settings.pool.pipeline,
    leakThreshold: durationText(settings.pool.leakThreshold)
  },
  connectTimeout: durationText(settings.connectTimeout),
  statementTimeout: durationText(settings.statementTimeout),
  idleInTransactionTimeout: durationText(settings.idleInTransactionTimeout),
  healthCheckInterval: durationText(settings.healthCheckInterval),
  monitorInterval: durationText(settings.monitorInterval),
  shutdownTimeout: durationText(settings.shutdownTimeout),
  keepAlive: durationText(settings.keepAlive),
  sslMode: settings.ssl.mode,
  sslRootCert: settings.ssl.rootCert === undefined ? "none" : "given",
  sslCert: settings.ssl.cert === undefined ? "none" : "given",
  sslServerName: settings.ssl.serverName ?? null,
  applicationName: settings.applicationName,
  searchPath: settings.searchPath ?? null,
  sessionSettings: Object.keys(settings.sessionSettings),
  startup: settings.startup,
  prepare: settings.prepare,
  http: {
    host: settings.http.host,
    port: settings.http.port,
    token: settings.http.token === undefined ? "none" : "given"
  },
  logFormat: settings.logFormat ?? "pretty",
  notes: settings.notes,
  warnings: settings.warnings
})
