/** Variables of a `.env` file, after the environment. Imports little, for commands that need only this. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import type { SessionError } from "../services/errors/SessionError.ts"

/** The file of variables. */
export interface Options {
  /** Path of a file that must exist. Default: `.env` in the working directory, if it exists. */
  readonly envFile?: string | undefined
}

const defaultFile = ".env"

const isMissing = (error: PlatformError): boolean => error.reason._tag === "NotFound"

/** Loads the error catalogue, which takes 0.2 s, only for a failure. */
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

/**
 * Adds the file to the current ConfigProvider as its fallback.
 *
 * A non-empty variable of the environment takes precedence over the file. A missing `.env` is ignored; a missing named
 * file, or an unreadable file, fails with a `SessionError` of reason `ConfigurationInvalid`.
 */
export const provider = ({ envFile }: Options = {}): Layer.Layer<never, SessionError, FileSystem.FileSystem> =>
  ConfigProvider.fromDotEnv({ path: envFile ?? defaultFile }).pipe(
    Effect.catch((error) =>
      envFile === undefined && isMissing(error)
        ? Effect.succeed(ConfigProvider.fromUnknown({}))
        : unreadable(envFile ?? defaultFile, error)
    ),
    ConfigProvider.layerAdd
  )
