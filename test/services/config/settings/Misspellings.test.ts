import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fromInput, SessionConfig, type SettingsInput } from "../../../../src/services/config/SessionConfig.ts"
import { given, includesSome, loopbackUrl, problemsOf, read, refused, sessionUrl } from "./Fixture.ts"

/** The problems of an input that the type checker did not see, as in JavaScript. */
const expectedOf = (input: object): Readonly<Record<string, string>> =>
  Object.fromEntries(problemsOf(fromInput(input as SettingsInput)).map(({ expected, name }) => [name, expected]))

describe("an unknown key in code", () => {
  it("is an error that names the setting of ours, for the options of other clients", () => {
    assert.deepStrictEqual(
      expectedOf({
        url: sessionUrl,
        maxConnections: 5,
        minConnections: 1,
        idleTimeout: "1 minute",
        connectionTTL: "1 hour",
        multiplex: true,
        startupParameters: { statement_timeout: "1s" },
        transformResultNames: (name: string) => name,
        statement_timeout: 1000,
        ssl: { ca: "x", servername: "y" }
      }),
      {
        maxConnections: "use pool.max",
        minConnections: "use pool.min",
        idleTimeout: "use pool.idleTimeout",
        connectionTTL: "use pool.maxLifetime",
        multiplex: "use pool.pipeline",
        startupParameters: "use sessionSettings",
        transformResultNames: "use transformResultNames in the second argument of SupavisorLayer.layer",
        statement_timeout: "use statementTimeout",
        "ssl.ca": "use ssl.rootCert",
        "ssl.servername": "use ssl.serverName"
      }
    )
    const { message } = refused(fromInput({ url: sessionUrl, maxConnections: 5 } as SettingsInput))
    assert.include(message, '✗ maxConnections = "5"  use pool.max')
  })

  it("is recognized when it is misspelt or in another group", () => {
    assert.deepStrictEqual(
      expectedOf({ statmentTimeout: 1, keepalive: 1, pool: { mix: 2, maxLifetme: 1, port: 3 }, wholly: { other: 1 } }),
      {
        statmentTimeout: "use statementTimeout",
        keepalive: "use keepAlive",
        "pool.mix": "use pool.min",
        "pool.maxLifetme": "use pool.maxLifetime",
        "pool.port": "use http.port",
        wholly: "is not a setting"
      }
    )
  })

  it("never shows a connection string, and ignores keys without a value", () => {
    const error = refused(fromInput({ connectionString: sessionUrl } as SettingsInput))
    assert.include(error.message, "use url")
    assert.notInclude(error.message, "pw-12345")
    const unset: SettingsInput & { readonly maxConnections: undefined } = {
      url: loopbackUrl,
      maxConnections: undefined
    }
    assert.strictEqual(given(unset).pool.max, 5)
  })

  it("is found in groups, which must be objects", () => {
    assert.deepStrictEqual(expectedOf({ url: loopbackUrl, ssl: true }), {
      ssl: "an object with mode, rootCert, cert, key, passphrase, serverName"
    })
  })
})

describe("a misspelt variable", () => {
  const warningsOf = (env: Readonly<Record<string, string>>) =>
    read(env).warnings.filter((warning) => warning.includes("is not a setting"))

  it("is named in a warning, with the one that may be meant", () => {
    assert.deepStrictEqual(
      warningsOf({ DB_POOL_MXA: "5", DB_MAX_POOL: "5", DB_POOLMAX: "5", DB_STATMENT_TIMEOUT: "1" }),
      [
        "DB_POOL_MXA is not a setting: DB_POOL_MAX may be meant.",
        "DB_MAX_POOL is not a setting: DB_POOL_MAX may be meant.",
        "DB_POOLMAX is not a setting: DB_POOL_MAX may be meant.",
        "DB_STATMENT_TIMEOUT is not a setting: DB_STATEMENT_TIMEOUT may be meant."
      ]
    )
  })

  it("is not suspected in variables of other programs", () => {
    assert.deepStrictEqual(
      warningsOf({
        DB_HOST: "h",
        DB_PORT: "1",
        DB_NAME: "n",
        DB_USER: "u",
        DB_PASSWORD: "p",
        POOL_MAX: "5",
        DB_POOL_MA: ""
      }),
      []
    )
  })

  it.effect("is found by the current ConfigProvider, whether it splits names or not", () =>
    Effect.gen(function* () {
      const env = { DATABASE_URL: loopbackUrl, DB_POOL_MXA: "5", PATH: "/bin" }
      for (const provider of [ConfigProvider.fromEnv({ env }), ConfigProvider.fromUnknown(env)]) {
        const layer = SessionConfig.layerEnv.pipe(Layer.provide(ConfigProvider.layer(provider)))
        const { warnings } = yield* Effect.provide(SessionConfig, layer)
        includesSome(warnings, "DB_POOL_MXA is not a setting: DB_POOL_MAX may be meant.")
      }
    })
  )
})
