/** The settings of the session pool as a service: from code, from an Effect `Config`, or from the environment. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import { redact } from "./ConnectionString.ts"
import { fromInput } from "./settings/FromInput.ts"
import { readRecord } from "./settings/Environment.ts"
import { EnvFile } from "./settings/EnvFileText.ts"
import { mayBeMeant } from "./settings/Misspellings.ts"
import type { Problem } from "./settings/Problem.ts"
import type { Settings, SettingsInput } from "./settings/Settings.ts"
import { variables } from "./settings/Variables.ts"
import type { SessionError } from "../errors/SessionError.ts"

export * as PoolSizing from "./PoolSizing.ts"
export { fromInput } from "./settings/FromInput.ts"
export { formatDuration, parseDuration } from "./settings/Durations.ts"
export { fromRecord } from "./settings/Environment.ts"
export type {
  ConnectionType,
  LogFormat,
  PasswordUnavailable,
  Settings,
  SettingsInput,
  Startup
} from "./settings/Settings.ts"
export { type Variable, variables } from "./settings/Variables.ts"

/**
 * The variables of the provider that are not ours and may be misspelt, or meant for another program; a source may list
 * none of its names.
 */
const otherVariables = (provider: ConfigProvider.ConfigProvider): Effect.Effect<Readonly<Record<string, string>>> => {
  const found: Record<string, string> = {}
  const visit = (path: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.gen(function* () {
      const node = yield* Effect.orElseSucceed(provider.load(path), () => undefined)
      const name = path.join("_")
      if (node?.value !== undefined) found[name] = node.value
      if (node?._tag !== "Record") return
      // Environments list DB_POOL_MAX as DB, POOL, MAX; other sources by its whole name.
      for (const key of node.keys) if (path.length > 0 || mayBeMeant.test(key)) yield* visit([...path, key])
    })
  return Effect.as(visit([]), found)
}

/** Reads every variable by itself, because Effect's `Config.all` stops at the first problem. */
const readProvider: Effect.Effect<Result.Result<Settings, SessionError>> = Effect.gen(function* () {
  const provider = yield* ConfigProvider.ConfigProvider
  const record: Record<string, string> = {}
  const file = yield* EnvFile
  const unreadable: Array<Problem> = [...file.problems]
  for (const { name } of variables) {
    yield* provider.load([name]).pipe(
      Effect.match({
        onFailure: (error) => {
          unreadable.push({
            name,
            received: "<unreadable>",
            expected: `must be readable, but its source failed: ${redact(error.message, [])}`
          })
        },
        onSuccess: (node) => {
          if (node?.value !== undefined) record[name] = node.value
        }
      })
    )
  }
  return readRecord({ ...file.values, ...(yield* otherVariables(provider)), ...record }, unreadable)
})

/** The settings of the session pool. */
export class SessionConfig extends Context.Service<SessionConfig, Settings>()("effect-supavisor/SessionConfig") {
  /**
   * Settings from code alone: no variable is read.
   *
   * Fails with a `SessionError` of reason `ConfigurationInvalid` that lists every problem by its field.
   */
  static readonly layer = (input: SettingsInput): Layer.Layer<SessionConfig, SessionError> =>
    Layer.effect(
      SessionConfig,
      Effect.suspend(() => Effect.fromResult(fromInput(input)))
    )

  /**
   * Settings from an Effect `Config`, or from an object whose values are `Config`s: `{ url: Config.Redacted("MY_URL") }`.
   *
   * No other variable is read. A `Config` that cannot be read fails with a `ConfigError`, unusable settings with a
   * `SessionError` of reason `ConfigurationInvalid` that lists every problem by its field.
   */
  static readonly layerConfig = (
    config: Config.Wrap<SettingsInput>
  ): Layer.Layer<SessionConfig, Config.ConfigError | SessionError> =>
    Layer.effect(
      SessionConfig,
      Effect.flatMap(Config.unwrap(config), (input) => Effect.fromResult(fromInput(input)))
    )

  /**
   * Settings from the current ConfigProvider, which is the process environment unless another one is provided.
   *
   * Never reads a `.env` file by itself. Fails with a `SessionError` of reason `ConfigurationInvalid` that lists every
   * problem by its variable.
   */
  static readonly layerEnv: Layer.Layer<SessionConfig, SessionError> = Layer.effect(
    SessionConfig,
    Effect.flatMap(readProvider, Effect.fromResult)
  )
}
