/** The file of variables that stands behind the environment. Loads nothing but that, for commands that need no more. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import type { SessionError } from "../services/errors/SessionError.ts"

/** Where to look for a file of variables. */
export interface Options {
  /** Path of a file that must exist. Without it `.env` in the working directory is read where there is one. */
  readonly envFile?: string | undefined
}

const defaultFile = ".env"

const isMissing = (error: PlatformError): boolean => error.reason._tag === "NotFound"

/** The catalogue of errors takes a fifth of a second to load: a file that can be read needs none of it. */
const unreadable = (path: string, error: PlatformError): Effect.Effect<never, SessionError> =>
  Effect.flatMap(
    Effect.promise(() => import("../services/errors/SessionError.ts")),
    ({ SessionError }) =>
      Effect.fail(
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
      )
  )

const read = (
  envFile: string | undefined
): Effect.Effect<ConfigProvider.ConfigProvider, SessionError, FileSystem.FileSystem> =>
  ConfigProvider.fromDotEnv({ path: envFile ?? defaultFile }).pipe(
    Effect.catch((error) =>
      envFile === undefined && isMissing(error)
        ? Effect.succeed(ConfigProvider.fromUnknown({}))
        : unreadable(envFile ?? defaultFile, error)
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
