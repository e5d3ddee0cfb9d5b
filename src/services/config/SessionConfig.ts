/**
 * The settings of the session pool as a service: from code, or from the environment through Effect's ConfigProvider.
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import { redact } from "./ConnectionString.ts"
import { fromInput } from "./settings/FromInput.ts"
import { readRecord } from "./settings/Environment.ts"
import type { Problem } from "./settings/Problem.ts"
import type { Settings, SettingsInput } from "./settings/Settings.ts"
import { variables } from "./settings/Variables.ts"
import type { SessionError } from "../errors/SessionError.ts"

export * as PoolSizing from "./PoolSizing.ts"
export { withConnection } from "./settings/Resolve.ts"
export { fromInput } from "./settings/FromInput.ts"
export { formatDuration, parseDuration } from "./settings/Durations.ts"
export { fromRecord } from "./settings/Environment.ts"
export type { ConnectionType, LogFormat, Settings, SettingsInput, Startup } from "./settings/Settings.ts"
export { settingsTable, type Variable, variables } from "./settings/Variables.ts"

/**
 * Reads every variable from the current ConfigProvider, each on its own, because Effect's `Config.all` stops at the
 * first problem and a person wants all of them.
 */
const readProvider: Effect.Effect<Result.Result<Settings, SessionError>> = Effect.gen(function* () {
  const provider = yield* ConfigProvider.ConfigProvider
  const record: Record<string, string> = {}
  const unreadable: Array<Problem> = []
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
  return readRecord(record, unreadable)
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
