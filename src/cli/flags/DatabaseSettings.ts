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

const FLAG = "--url"

/** The variable that takes the value of `--url`. */
const URL_VARIABLE = "DATABASE_URL"

/** Variables that would contradict `--url`. */
const ignored = new Set([
  "SUPABASE_SESSION_POOLER",
  "POSTGRES_URL_NON_POOLING",
  "SUPABASE_DB_URL",
  "DB_CONNECTION_TYPE",
  "DB_POOL_NAME"
])

/** The type follows from the host; only the two transaction poolers must be named, or they would be refused. */
const typeOf = (url: string): string | undefined => {
  const parsed = parse(url)
  if (Result.isFailure(parsed)) return undefined
  const { kind } = parsed.success
  return kind === "transaction-pooler" || kind === "dedicated-pooler" ? "supavisor_transaction" : undefined
}

const withUrl = (url: string): Layer.Layer<never> =>
  Layer.effect(
    ConfigProvider.ConfigProvider,
    Effect.map(ConfigProvider.ConfigProvider, (environment) => {
      const given = new Map([
        [URL_VARIABLE, url],
        ["DB_CONNECTION_TYPE", typeOf(url)]
      ])
      return ConfigProvider.make((path) => {
        const name = path.join("_")
        const value = given.get(name)
        if (value !== undefined) return Effect.succeed(ConfigProvider.makeValue(value))
        return ignored.has(name) ? Effect.succeed(undefined) : environment.load(path)
      })
    })
  )

/** Names `--url` in problems instead of the variable. */
const byFlag = (error: SessionError): SessionError =>
  error.reason._tag === "ConfigurationInvalid"
    ? SessionError.configurationInvalid(
        error.reason.problems.map((problem) => ({
          ...problem,
          name: problem.name === URL_VARIABLE ? FLAG : problem.name
        }))
      )
    : error

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
    onSome: (given) =>
      SessionConfig.layerEnv.pipe(
        Layer.provide(withUrl(Redacted.value(given))),
        Layer.catchTag("SessionError", (error) => Layer.effect(SessionConfig, Effect.fail(byFlag(error))))
      )
  })
  return Layer.effect(
    SessionConfig,
    Effect.flatMap(SessionConfig, (config) =>
      config.connection === undefined ? Effect.fail(noDatabase) : Effect.succeed(config)
    )
  ).pipe(Layer.provide(settings))
}
