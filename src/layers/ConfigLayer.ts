/**
 * Where the settings of the program come from: the real environment first, then a `.env` file.
 */
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import { type Options, provider } from "./EnvFileLayer.ts"

export { type Options, provider } from "./EnvFileLayer.ts"

/**
 * The settings of the program, from the environment and the file. Each call makes a new layer: keep the value.
 *
 * A library never reads a `.env` file by itself: an application that wants none uses `SessionConfig.layerEnv`.
 */
export const layer = (options?: Options): Layer.Layer<SessionConfig, SessionError, FileSystem.FileSystem> =>
  SessionConfig.layerEnv.pipe(Layer.provide(provider(options)))
