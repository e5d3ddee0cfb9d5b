import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { make as makeConnection } from "../../../src/services/config/ConnectionString.ts"
import { fromInput, SessionConfig, type SettingsInput, variables } from "../../../src/services/config/SessionConfig.ts"
import { withConnection } from "../../../src/services/config/settings/Resolve.ts"
import { settingsTable } from "../../../src/services/config/settings/Variables.ts"
import { given, loopbackUrl, problemsOf, read, ref, sessionUrl, transactionUrl } from "./settings/Fixture.ts"

describe("the defaults", () => {
  it("are those of the table, for an empty environment", () => {
    const settings = read({})
    const seconds = (duration: Duration.Duration | undefined) =>
      duration === undefined ? undefined : Duration.toSeconds(duration)
    assert.strictEqual(settings.connectionType, "embedded")
    assert.strictEqual(settings.source, "embedded")
    assert.isUndefined(settings.connection)
    assert.isUndefined(settings.poolName)
    assert.deepStrictEqual([settings.pool.min, settings.pool.max, settings.pool.maxWaiting], [2, 5, 1_000])
    assert.deepStrictEqual(
      [
        settings.pool.idleTimeout,
        settings.connectTimeout,
        settings.statementTimeout,
        settings.idleInTransactionTimeout,
        settings.pool.maxLifetime,
        settings.pool.acquireTimeout,
        settings.pool.leakThreshold,
        settings.healthCheckInterval,
        settings.shutdownTimeout,
        settings.keepAlive
      ].map(seconds),
      [300, 10, 30, 60, 1_800, 30, 60, 30, 20, 30]
    )
    assert.deepStrictEqual(settings.ssl, {
      mode: "disable",
      rootCert: undefined,
      cert: undefined,
      key: undefined,
      passphrase: undefined,
      serverName: undefined
    })
    assert.strictEqual(settings.applicationName, "effect-supavisor")
    assert.strictEqual(settings.startup, "tolerant")
    assert.deepStrictEqual(settings.http, { host: "127.0.0.1", port: 8_321, token: undefined })
    assert.deepStrictEqual(settings.sessionSettings, {})
    assert.isTrue(settings.prepare)
    assert.isUndefined(settings.logFormat)
    assert.deepStrictEqual(settings.warnings, [])
  })

  it("are the same from code as from the environment", () => {
    assert.deepStrictEqual(given({}), read({}))
    assert.deepStrictEqual(
      { ...given({ url: sessionUrl }), source: "", connection: undefined },
      { ...read({ SUPABASE_SESSION_POOLER: sessionUrl }), source: "", connection: undefined }
    )
  })

  it("give a session pooler no warning at all", () => {
    assert.deepStrictEqual(read({ SUPABASE_SESSION_POOLER: sessionUrl }).warnings, [])
  })
})

describe("settings from code", () => {
  it("take a connection as text, redacted text, parsed or in parts", () => {
    const parsed = given({ url: sessionUrl }).connection
    assert.isDefined(parsed)
    const inputs: ReadonlyArray<SettingsInput> = [
      { url: Redacted.make(sessionUrl) },
      ...(parsed === undefined ? [] : [{ url: parsed }]),
      { host: "aws-0-eu-central-1.pooler.supabase.com", username: `postgres.${ref}`, password: "pw-12345" }
    ]
    for (const input of inputs) {
      const { connection, source } = given(input)
      assert.strictEqual(source, "code")
      assert.deepStrictEqual(
        [connection?.host, connection?.port, connection?.username, connection?.kind],
        [parsed?.host, parsed?.port, parsed?.username, "session-pooler"]
      )
    }
  })

  it("refuse parts beside a url, parts without a host, and numbers that are none", () => {
    const names = (input: SettingsInput) => problemsOf(fromInput(input)).map(({ name }) => name)
    const withText = given({ url: sessionUrl.replace(":pw-12345", ""), password: "apart" }).connection?.password
    assert.strictEqual(withText === undefined ? undefined : Redacted.value(withText), "apart")
    assert.deepStrictEqual(names({ url: sessionUrl, port: 5432, password: "x" }), ["port", "password"])
    assert.deepStrictEqual(names({ username: "app" }), ["host"])
    assert.deepStrictEqual(names({ host: "localhost", port: 70_000 }), ["port"])
    assert.deepStrictEqual(names({ keepAlive: Number.NaN }), ["keepAlive"])
    assert.deepStrictEqual(names({ url: transactionUrl, connectionType: "supavisor_transaction", prepare: true }), [
      "prepare"
    ])
  })

  it("need no password in the string when an effect gives it", () => {
    const url = sessionUrl.replace(":pw-12345", "")
    assert.isTrue(Result.isFailure(fromInput({ url })))
    const settings = given({ url, password: Effect.succeed(Redacted.make("later")) })
    const provided = Effect.runSync(settings.passwordProvider ?? Effect.succeed(undefined))
    assert.strictEqual(provided === undefined ? undefined : Redacted.value(provided), "later")
    assert.isUndefined(settings.connection?.password)
    assert.strictEqual(settings.connection?.username, `postgres.${ref}`)
  })

  it("take numbers as milliseconds and keep session settings", () => {
    const settings = given({
      url: loopbackUrl,
      statementTimeout: 5_000,
      keepAlive: 0,
      pool: { leakThreshold: "2 minutes" },
      sessionSettings: { work_mem: "8MB", "app.tenant": "x" }
    })
    assert.strictEqual(Duration.toSeconds(settings.statementTimeout), 5)
    assert.isUndefined(settings.keepAlive)
    assert.deepStrictEqual(settings.sessionSettings, { work_mem: "8MB", "app.tenant": "x" })
  })
})

describe("withConnection", () => {
  it("fills in the connection and the pool's name of settings that had none", () => {
    const connection = makeConnection({ host: "127.0.0.1", port: 54_321, username: "postgres", database: "app" })
    const settings = withConnection(read({}), connection)
    assert.strictEqual(settings.connection, connection)
    assert.strictEqual(settings.poolName, "127.0.0.1:54321/app")
    assert.strictEqual(settings.ssl.mode, "disable")
    assert.strictEqual(withConnection(read({ DB_POOL_NAME: "demo" }), connection).poolName, "demo")
  })
})

describe("SessionConfig", () => {
  const settingsWith = (provider: ConfigProvider.ConfigProvider) =>
    Effect.provide(SessionConfig, SessionConfig.layerEnv.pipe(Layer.provide(ConfigProvider.layer(provider))))

  it.effect("reads every variable through the current ConfigProvider", () =>
    Effect.gen(function* () {
      const env = { SUPABASE_SESSION_POOLER: sessionUrl, DB_POOL_MAX: "9", HTTP_PORT: "0" }
      const settings = yield* settingsWith(ConfigProvider.fromEnv({ env }))
      assert.deepStrictEqual(settings, read(env))
      const nested = yield* settingsWith(ConfigProvider.fromUnknown({ APP: env }).pipe(ConfigProvider.nested("APP")))
      assert.strictEqual(nested.pool.max, 9)
    })
  )

  it.effect("reads exactly the listed variables, and the names of all others", () =>
    Effect.gen(function* () {
      const loaded: Array<string> = []
      yield* settingsWith(
        ConfigProvider.make((path) => {
          loaded.push(path.join("_"))
          return Effect.succeed(undefined)
        })
      )
      assert.deepStrictEqual(loaded, [...variables.map(({ name }) => name), ""])
    })
  )

  it.effect("reports unreadable sources together with all other problems", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.make(([name]) => {
        if (name === "DB_POOL_MIN") return Effect.succeed(ConfigProvider.makeValue("two"))
        return name === "DB_POOL_MAX"
          ? Effect.fail(new ConfigProvider.SourceError({ message: "vault is sealed" }))
          : Effect.succeed(undefined)
      })
      const error = yield* Effect.flip(settingsWith(provider))
      assert.include(error.message, "2 problems")
      assert.include(error.message, "vault is sealed")
      assert.include(error.message, 'DB_POOL_MIN = "two"')
    })
  )

  it.effect("is built from code without any environment", () =>
    Effect.gen(function* () {
      const layer = SessionConfig.layer({ url: loopbackUrl, pool: { max: 3 } }).pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DB_POOL_MAX: "9" } })))
      )
      const settings = yield* Effect.provide(SessionConfig, layer)
      assert.strictEqual(settings.pool.max, 3)
      const error = yield* Effect.flip(Effect.provide(SessionConfig, SessionConfig.layer({ pool: { max: 0 } })))
      assert.include(error.message, 'pool.max = "0"')
    })
  )
})

describe("the documentation", () => {
  const lines = readFileSync(new URL("../../../.env.example", import.meta.url), "utf8").split("\n")
  const listed = lines.flatMap((line) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [{ name, value: value ?? "" }]
  })

  it("lists in .env.example exactly the variables, in order, with their defaults", () => {
    assert.deepStrictEqual(
      listed,
      variables.map(({ name, value }) => ({ name, value: value ?? "" }))
    )
  })

  it("explains every variable of .env.example in a comment above it", () => {
    lines.forEach((line, index) => {
      if (/^[A-Z_]+=/.test(line)) assert.match(lines[index - 1] ?? "", /^# \S/, line)
    })
  })

  it("changes nothing when .env.example is used as it is", () => {
    assert.deepStrictEqual(read(Object.fromEntries(listed.map(({ name, value }) => [name, value]))), read({}))
  })

  it("has a row in the table for every variable", () => {
    const rows = settingsTable().split("\n").slice(2)
    assert.deepStrictEqual(
      rows.map((row) => row.split("`")[1]),
      variables.map(({ name }) => name)
    )
    for (const row of rows) assert.strictEqual(row.replaceAll("\\|", "").split("|").length, 5, row)
  })
})
