/** The settings of a command that asks a database: the environment's, or those with the connection string of a flag. */
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

/** What a flag's connection string stands in for. */
const PLACE = "DATABASE_URL"

/** Variables that would say something about another place than the flag's. */
const overruled = new Set([
  "SUPABASE_SESSION_POOLER",
  "POSTGRES_URL_NON_POOLING",
  "SUPABASE_DB_URL",
  "DB_CONNECTION_TYPE",
  "DB_POOL_NAME"
])

/** The host says what it is; only the two transaction poolers would be refused where nobody asked for that mode. */
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
        [PLACE, url],
        ["DB_CONNECTION_TYPE", typeOf(url)]
      ])
      return ConfigProvider.make((path) => {
        const name = path.join("_")
        const value = given.get(name)
        if (value !== undefined) return Effect.succeed(ConfigProvider.makeValue(value))
        return overruled.has(name) ? Effect.succeed(undefined) : environment.load(path)
      })
    })
  )

/** The problems by the name a person used. */
const byFlag = (error: SessionError): SessionError =>
  error.reason._tag === "ConfigurationInvalid"
    ? SessionError.configurationInvalid(
        error.reason.problems.map((problem) => ({ ...problem, name: problem.name === PLACE ? FLAG : problem.name }))
      )
    : error

const nowhere = SessionError.configurationInvalid([
  {
    name: "SUPABASE_SESSION_POOLER",
    received: undefined,
    expected: "the connection string of the database to ask",
    remedy: "It is in the Dashboard under Connect, Session pooler. Set it in the environment or .env, or give --url",
    example: "postgresql://postgres.<ref>:<password>@aws-0-<region>.pooler.supabase.com:5432/postgres"
  }
])

/**
 * The settings, from `--url` where it is given and from the environment otherwise.
 *
 * Fails with a `SessionError` of reason `ConfigurationInvalid`, which ends the program with 2: also when no database is
 * named, because an embedded one of this moment would have nothing to show.
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
      config.connection === undefined ? Effect.fail(nowhere) : Effect.succeed(config)
    )
  ).pipe(Layer.provide(settings))
}
