/** Without a configured database: an embedded PostgreSQL 17 behind FakeSupavisor in session mode. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { parse } from "../services/config/ConnectionString.ts"
import { EmbeddedPostgres, type EmbeddedPostgresError } from "../services/embedded/EmbeddedPostgres.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import { withConnection } from "../services/config/settings/Resolve.ts"

/** Whether DB_CONNECTION_TYPE is set; otherwise the type follows from the missing connection string. */
const isTypeSet = Effect.isSuccess(Config.String("DB_CONNECTION_TYPE"))

/**
 * Adds the connection of an embedded server to settings of type `embedded`; other settings are unchanged.
 *
 * Server and pooler start before the layers that use these settings and stop after them, so that a pool drains first.
 * The data is removed. Fails with an `EmbeddedPostgresError` when the server cannot start.
 */
export const layer: Layer.Layer<SessionConfig, EmbeddedPostgresError, SessionConfig> = Layer.effect(
  SessionConfig,
  Effect.gen(function* () {
    const settings = yield* SessionConfig
    if (settings.connectionType !== "embedded") return settings
    const why = (yield* isTypeSet) ? "DB_CONNECTION_TYPE is embedded" : "No SUPABASE_SESSION_POOLER is set"
    const server = yield* EmbeddedPostgres.make()
    const { FakeSupavisor } = yield* Effect.promise(() => import("../services/embedded/FakeSupavisor.ts"))
    // It has one tenant and a port of its own choice, so neither call can fail.
    const pooler = yield* Effect.orDie(FakeSupavisor.make({ upstream: server }))
    const connection = yield* Effect.orDie(Effect.fromResult(parse(Redacted.value(pooler.url()))))
    yield* Effect.logInfo(`${why}: using an embedded PostgreSQL 17 at ${server.host}:${server.port} (temporary data).`)
    yield* Effect.logInfo(
      `FakeSupavisor, a pooler in session mode, is in front of it at ${pooler.host}:${pooler.sessionPort}.`
    )
    return { ...withConnection(settings, connection), notes: settings.notes }
  })
)
