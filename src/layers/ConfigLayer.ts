/**
 * Where the settings of the program come from: the real environment first, then a `.env` file.
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import { SessionConfig } from "../services/SessionConfig.ts"
import { SessionError } from "../services/SessionError.ts"

/** Where to look for a file of variables. */
export interface Options {
  /** Path of a file that must exist. Without it `.env` in the working directory is read where there is one. */
  readonly envFile?: string | undefined
}

const defaultFile = ".env"

const isMissing = (error: PlatformError): boolean => error.reason._tag === "NotFound"

const unreadable = (path: string, error: PlatformError): SessionError =>
  SessionError.configurationInvalid([
    {
      name: "envFile",
      received: path,
      expected: "the path of a readable file",
      remedy: isMissing(error)
        ? "There is no such file: check the path and the working directory"
        : `${error.reason._tag}: check that it is a file this user may read`
    }
  ])

const read = (
  envFile: string | undefined
): Effect.Effect<ConfigProvider.ConfigProvider, SessionError, FileSystem.FileSystem> =>
  ConfigProvider.fromDotEnv({ path: envFile ?? defaultFile }).pipe(
    Effect.catch((error) =>
      envFile === undefined && isMissing(error)
        ? Effect.succeed(ConfigProvider.fromUnknown({}))
        : Effect.fail(unreadable(envFile ?? defaultFile, error))
    )
  )

/**
 * Puts the file behind the current ConfigProvider, for this and every other reader of configuration.
 *
 * A variable that is set and not empty in the environment wins over the file. A missing `.env` is fine; a missing
 * named file, or a file that cannot be read, fails with a `SessionError` of reason `ConfigurationInvalid`.
 */
export const provider = (options?: Options): Layer.Layer<never, SessionError, FileSystem.FileSystem> =>
  ConfigProvider.layerAdd(read(options?.envFile))

/**
 * The settings of the program, from the environment and the file. Each call makes a new layer: keep the value.
 *
 * A library never reads a `.env` file by itself: an application that wants none uses `SessionConfig.layerEnv`.
 */
export const layer = (options?: Options): Layer.Layer<SessionConfig, SessionError, FileSystem.FileSystem> =>
  SessionConfig.layerEnv.pipe(Layer.provide(provider(options)))
