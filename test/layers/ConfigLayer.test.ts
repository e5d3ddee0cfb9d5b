import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import * as ConfigLayer from "../../src/layers/ConfigLayer.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

const systemError = (tag: "NotFound" | "PermissionDenied") =>
  PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "readFile", pathOrDescriptor: ".env" })

const files = (contents: Record<string, string | "denied">) =>
  FileSystem.layerNoop({
    readFileString: (path) => {
      const content = contents[path]
      if (content === undefined) return Effect.fail(systemError("NotFound"))
      return content === "denied" ? Effect.fail(systemError("PermissionDenied")) : Effect.succeed(content)
    }
  })

const settings = (
  options: ConfigLayer.Options | undefined,
  env: Record<string, string>,
  contents: Record<string, string>
) => Effect.provide(SessionConfig, ConfigLayer.layer(options).pipe(Layer.provide([environment(env), files(contents)])))

describe("ConfigLayer", () => {
  it.effect("takes from .env what the environment leaves out", () =>
    Effect.gen(function* () {
      const config = yield* settings(undefined, { DB_POOL_MAX: "9" }, { ".env": "DB_POOL_MAX=7\nDB_POOL_MIN=3\n" })
      assert.deepStrictEqual([config.pool.min, config.pool.max], [3, 9])
    })
  )

  it.effect("lets an empty variable of the environment fall through to the file", () =>
    Effect.gen(function* () {
      const config = yield* settings(undefined, { DB_POOL_MAX: "" }, { ".env": "DB_POOL_MAX=7" })
      assert.strictEqual(config.pool.max, 7)
    })
  )

  it.effect("understands export, comments and quotes in the file", () =>
    Effect.gen(function* () {
      const content = "# pool\nexport DB_POOL_IDLE_TIMEOUT=\"5 minutes\" # five\nDB_APPLICATION_NAME='my app'\n"
      const config = yield* settings(undefined, {}, { ".env": content })
      assert.strictEqual(Duration.toSeconds(config.pool.idleTimeout), 300)
      assert.strictEqual(config.applicationName, "my app")
    })
  )

  it.effect("succeeds without a .env file", () =>
    Effect.gen(function* () {
      const config = yield* settings(undefined, {}, {})
      assert.strictEqual(config.connectionType, "embedded")
    })
  )

  it.effect("fails clearly when a .env file is there but cannot be read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(settings(undefined, {}, { ".env": "denied" }))
      assert.include(error.message, "PermissionDenied")
    })
  )

  it.effect("reads a named file instead of .env", () =>
    Effect.gen(function* () {
      const contents = { ".env": "DB_POOL_MAX=7", "prod.env": "DB_POOL_MAX=8" }
      const config = yield* settings({ envFile: "prod.env" }, {}, contents)
      assert.strictEqual(config.pool.max, 8)
    })
  )

  it.effect("fails clearly when a named file is missing, even if everything is set elsewhere", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(settings({ envFile: "prod.env" }, { DB_POOL_MAX: "9" }, { ".env": "" }))
      assert.strictEqual(error.reason._tag, "ConfigurationInvalid")
      assert.include(error.message, "prod.env")
      assert.include(error.message, "no such file")
    })
  )

  it.effect("puts the file behind the provider for other readers too", () =>
    Effect.gen(function* () {
      const provider = yield* ConfigProvider.ConfigProvider
      const node = yield* provider.load(["OTEL_SERVICE_NAME"])
      assert.strictEqual(node?.value, "billing")
    }).pipe(
      Effect.provide(
        ConfigLayer.provider().pipe(Layer.provide([environment({}), files({ ".env": "OTEL_SERVICE_NAME=billing" })]))
      )
    )
  )

  it.live("reads a real file and reports a real missing one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const path = `${directory}/some.env`
      yield* fs.writeFileString(path, "DB_POOL_MAX=6\n")
      const read = (envFile: string) =>
        Effect.provide(SessionConfig, ConfigLayer.layer({ envFile }).pipe(Layer.provide(environment({}))))
      const config = yield* read(path)
      assert.strictEqual(config.pool.max, 6)
      const error = yield* Effect.flip(read(`${directory}/absent.env`))
      assert.include(error.message, "no such file")
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
