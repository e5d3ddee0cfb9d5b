/** Settings from the environment, then from a `.env` file. */
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import { type Options, provider } from "./EnvFileLayer.ts"

export { type Options, provider } from "./EnvFileLayer.ts"

/** From the environment and the file, which nothing else reads. Each call makes a new layer: keep the value. */
export const layer = (options?: Options): Layer.Layer<SessionConfig, SessionError, FileSystem.FileSystem> =>
  SessionConfig.layerEnv.pipe(Layer.provide(provider(options)))
