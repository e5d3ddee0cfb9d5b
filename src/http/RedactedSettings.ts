/** The settings as `/status` shows them: without secrets. */
import type * as Duration from "effect/Duration"
import { describe } from "../services/config/ConnectionString.ts"
import { formatDuration, type Settings } from "../services/config/SessionConfig.ts"

const durationText = (duration: Duration.Duration | undefined): string =>
  duration === undefined ? "off" : formatDuration(duration)

/** Every setting in the form of the environment. Of `sessionSettings` only the names: a value may be a secret. */
export const redactedSettings = (settings: Settings) => ({
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
