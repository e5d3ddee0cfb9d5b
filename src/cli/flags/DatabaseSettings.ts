/** Settings of the commands that connect to a database: from the environment, with `--url` if it is given. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { parse } from "../../services/config/ConnectionString.ts"
import { SessionConfig } from "../../services/config/SessionConfig.ts"
import { SessionError } from "../../services/errors/SessionError.ts"

/** The variable that takes the value of a connection string on the command line. */
const URL_VARIABLE = "DATABASE_URL"

const TYPE_VARIABLE = "DB_CONNECTION_TYPE"

/** Variables that would contradict the connection string of the command line. */
const ignored = new Set(["SUPABASE_SESSION_POOLER", "POSTGRES_URL_NON_POOLING", "SUPABASE_DB_URL", "DB_POOL_NAME"])

const withUrl = (
  url: string,
  typeFrom: (configured: ConfigProvider.Node | undefined) => ConfigProvider.Node | undefined
): Layer.Layer<never> =>
  Layer.effect(
    ConfigProvider.ConfigProvider,
    Effect.map(ConfigProvider.ConfigProvider, (environment) =>
      ConfigProvider.make((path) => {
        const name = path.join("_")
        if (name === URL_VARIABLE) return Effect.succeed(ConfigProvider.makeValue(url))
        if (ignored.has(name)) return Effect.succeed(undefined)
        return name === TYPE_VARIABLE ? Effect.map(environment.load(path), typeFrom) : environment.load(path)
      })
    )
  )

/**
 * The settings of the environment, with the connection string of the command line in place of the configured one.
 * `argument` names it in problems and warnings; `typeFrom` maps the configured connection type.
 */
export const settingsWithUrl = (
  url: Redacted.Redacted<string>,
  argument: string,
  typeFrom: (configured: ConfigProvider.Node | undefined) => ConfigProvider.Node | undefined
): Layer.Layer<SessionConfig, SessionError> => {
  const named = (text: string) => text.replaceAll(URL_VARIABLE, argument)
  return Layer.effect(
    SessionConfig,
    Effect.map(SessionConfig, (settings) => ({
      ...settings,
      source: argument,
      warnings: settings.warnings.map(named)
    })).pipe(
      Effect.provide(SessionConfig.layerEnv.pipe(Layer.provide(withUrl(Redacted.value(url), typeFrom)))),
      Effect.mapError((error) =>
        error.reason._tag === "ConfigurationInvalid"
          ? SessionError.configurationInvalid(
              error.reason.problems.map((problem) => ({ ...problem, name: named(problem.name) }))
            )
          : error
      )
    )
  )
}

/** The type follows from the host; only the two transaction poolers must be named, or they would be refused. */
const typeOf = (url: string): ConfigProvider.Node | undefined => {
  const parsed = parse(url)
  if (Result.isFailure(parsed)) return undefined
  const { kind } = parsed.success
  return kind === "transaction-pooler" || kind === "dedicated-pooler"
    ? ConfigProvider.makeValue("supavisor_transaction")
    : undefined
}

const noDatabase = SessionError.configurationInvalid([
  {
    name: "SUPABASE_SESSION_POOLER",
    received: undefined,
    expected: "the connection string of a database",
    remedy: "It is in the Dashboard under Connect, Session pooler. Set it in the environment or .env, or use --url",
    example: "postgresql://postgres.<ref>:<password>@aws-0-<region>.pooler.supabase.com:5432/postgres"
  }
])

/**
 * The settings, from the environment and `--url`.
 *
 * Fails with a `SessionError` of reason `ConfigurationInvalid` (exit code 2), also when no database is configured: a new
 * embedded one has nothing to show.
 */
export const settingsFrom = (
  url: Option.Option<Redacted.Redacted<string>>
): Layer.Layer<SessionConfig, SessionError> => {
  const settings = Option.match(url, {
    onNone: () => SessionConfig.layerEnv,
    onSome: (given) => settingsWithUrl(given, "--url", () => typeOf(Redacted.value(given)))
  })
  return Layer.effect(
    SessionConfig,
    Effect.flatMap(SessionConfig, (config) =>
      config.connection === undefined ? Effect.fail(noDatabase) : Effect.succeed(config)
    )
  ).pipe(Layer.provide(settings))
}
