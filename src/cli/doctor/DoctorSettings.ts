/** The settings to check: the environment's, or the environment's with the connection string of the command line. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { SessionConfig, type Settings } from "../../services/config/SessionConfig.ts"
import { SessionError } from "../../services/errors/SessionError.ts"

/** The argument's name in messages. */
const ARGUMENT = "connection-string"

/** The variable that the argument replaces. */
const VARIABLE = "DATABASE_URL"

/** Variables of another connection, which the argument overrides. */
const OVERRIDDEN: ReadonlySet<string> = new Set([
  "SUPABASE_SESSION_POOLER",
  "POSTGRES_URL_NON_POOLING",
  "SUPABASE_DB_URL",
  "DB_POOL_NAME"
])

const TYPE = "DB_CONNECTION_TYPE"

/** `embedded` has no connection string, so it cannot apply to the argument. */
const withoutEmbedded = (node: ConfigProvider.Node | undefined): ConfigProvider.Node | undefined =>
  node?.value?.trim() === "embedded" ? undefined : node

const withUrl = (url: string): Layer.Layer<never> =>
  Layer.effect(
    ConfigProvider.ConfigProvider,
    Effect.map(ConfigProvider.ConfigProvider, (environment) =>
      ConfigProvider.make((path) => {
        const name = path.join("_")
        if (name === VARIABLE) return Effect.succeed(ConfigProvider.makeValue(url))
        if (OVERRIDDEN.has(name)) return Effect.succeed(undefined)
        return name === TYPE ? Effect.map(environment.load(path), withoutEmbedded) : environment.load(path)
      })
    )
  )

const renamed = (text: string): string => text.replaceAll(VARIABLE, ARGUMENT)

const problemsRenamed = (error: SessionError): SessionError =>
  error.reason._tag === "ConfigurationInvalid"
    ? SessionError.configurationInvalid(
        error.reason.problems.map((problem) => ({ ...problem, name: renamed(problem.name) }))
      )
    : error

const settingsRenamed = (settings: Settings): Settings => ({
  ...settings,
  source: ARGUMENT,
  warnings: settings.warnings.map(renamed)
})

/** Fails with a `SessionError` of reason `ConfigurationInvalid` that lists every problem. */
export const doctorSettings = (
  url: Option.Option<Redacted.Redacted<string>>
): Layer.Layer<SessionConfig, SessionError> =>
  Option.match(url, {
    onNone: () => SessionConfig.layerEnv,
    onSome: (given) =>
      Layer.effect(
        SessionConfig,
        Effect.map(SessionConfig, settingsRenamed).pipe(
          Effect.provide(SessionConfig.layerEnv.pipe(Layer.provide(withUrl(Redacted.value(given))))),
          Effect.mapError(problemsRenamed)
        )
      )
  })
