/**
 * Settings that name no database get one: a real PostgreSQL 17, behind a stand-in for Supavisor's session mode, so that
 * a newcomer sees session mode as it is.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { parse } from "../services/config/ConnectionString.ts"
import { EmbeddedPostgres, type EmbeddedPostgresError } from "../services/embedded/EmbeddedPostgres.ts"
import { SessionConfig, withConnection } from "../services/config/SessionConfig.ts"

/** Whether the type was set, rather than concluded from the absence of a connection string. */
const isAskedFor: Effect.Effect<boolean> = Effect.map(
  Effect.orElseSucceed(Config.option(Config.String("DB_CONNECTION_TYPE")), () => Option.none<string>()),
  Option.isSome
)

/**
 * Passes the settings on, with the connection of an embedded server when their type is `embedded`.
 *
 * Server and pooler start before whatever is built on these settings and stop after it, so a pool drains first. The data
 * is thrown away. Fails with an `EmbeddedPostgresError` when no server can be had.
 */
export const layer: Layer.Layer<SessionConfig, EmbeddedPostgresError, SessionConfig> = Layer.effect(
  SessionConfig,
  Effect.gen(function* () {
    const settings = yield* SessionConfig
    if (settings.connectionType !== "embedded") return settings
    const why = (yield* isAskedFor) ? "DB_CONNECTION_TYPE is embedded" : "No SUPABASE_SESSION_POOLER is set"
    const server = yield* EmbeddedPostgres.make()
    const { FakeSupavisor } = yield* Effect.promise(() => import("../services/embedded/FakeSupavisor.ts"))
    // Its one tenant and the port it chose cannot be wrong.
    const pooler = yield* Effect.orDie(FakeSupavisor.make({ upstream: server }))
    const connection = yield* Effect.orDie(Effect.fromResult(parse(Redacted.value(pooler.url()))))
    yield* Effect.logInfo(`${why}: using an embedded PostgreSQL 17 at ${server.host}:${server.port} (throw-away data).`)
    yield* Effect.logInfo(
      `In front of it stands a stand-in for Supavisor in session mode, at ${pooler.host}:${pooler.sessionPort}.`
    )
    return { ...withConnection(settings, connection), notes: settings.notes }
  })
)
