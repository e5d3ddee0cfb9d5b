/** The settings as they may be shown to whoever reaches the operations server: without anything secret. */
import type * as Duration from "effect/Duration"
import { describe } from "../services/config/ConnectionString.ts"
import { formatDuration, type Settings } from "../services/config/SessionConfig.ts"

const shown = (duration: Duration.Duration | undefined): string =>
  duration === undefined ? "off" : formatDuration(duration)

/** Every setting in the form of the environment. Of `sessionSettings` only the names: a value may be a secret. */
export const shownSettings = (settings: Settings) => ({
  connection: settings.connection === undefined ? null : describe(settings.connection),
  connectionType: settings.connectionType,
  source: settings.source,
  pool: {
    min: settings.pool.min,
    max: settings.pool.max,
    reasoning: settings.pool.reasoning,
    idleTimeout: shown(settings.pool.idleTimeout),
    maxLifetime: shown(settings.pool.maxLifetime),
    acquireTimeout: shown(settings.pool.acquireTimeout),
    maxWaiting: settings.pool.maxWaiting,
    pipeline: settings.pool.pipeline,
    leakThreshold: shown(settings.pool.leakThreshold)
  },
  connectTimeout: shown(settings.connectTimeout),
  statementTimeout: shown(settings.statementTimeout),
  idleInTransactionTimeout: shown(settings.idleInTransactionTimeout),
  healthCheckInterval: shown(settings.healthCheckInterval),
  monitorInterval: shown(settings.monitorInterval),
  shutdownTimeout: shown(settings.shutdownTimeout),
  keepAlive: shown(settings.keepAlive),
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
