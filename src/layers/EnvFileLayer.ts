/** Variables of a `.env` file, after the environment. Imports little, for commands that need only this. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import { EnvFile, readEnvFile } from "../services/config/settings/EnvFileText.ts"
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
 * file, or an unreadable file, fails with a `SessionError` of reason `ConfigurationInvalid`. What the file holds besides
 * assignments is a problem of the settings that are read from it.
 */
export const provider = ({ envFile }: Options = {}): Layer.Layer<never, SessionError, FileSystem.FileSystem> => {
  const path = envFile ?? defaultFile
  return Layer.unwrap(
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const contents = yield* Effect.catch(files.readFileString(path), (error) =>
        envFile === undefined && isMissing(error) ? Effect.succeed("") : unreadable(path, error)
      )
      return Layer.merge(
        ConfigProvider.layerAdd(ConfigProvider.fromDotEnvContents(contents)),
        Layer.succeed(EnvFile, readEnvFile(path, contents))
      )
    })
  )
}
