import { assert, layer } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as PgClientLayer from "../../src/layers/PgClientLayer.ts"
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"
import { isSessionError } from "../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"

layer(TestPostgres.layer)("SupavisorLayer.layerConfig", (it) => {
  const databaseWith = (env: Readonly<Record<string, string>>) =>
    SupavisorLayer.layerConfig({
      url: Config.Redacted("MY_DATABASE"),
      applicationName: Config.succeed("configured"),
      pool: { max: Config.Int("MY_MAX"), min: Config.succeed(1) }
    }).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

  it.effect("reads the settings through the given Configs", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const rows = yield* Effect.gen(function* () {
        const sql = yield* PgClient
        return yield* sql`select current_setting('application_name') as name`
      }).pipe(Effect.provide(databaseWith({ MY_DATABASE: Redacted.value(url), MY_MAX: "2", DB_POOL_MAX: "9" })))
      assert.deepStrictEqual(rows, [{ name: "configured" }])
    })
  )

  it.effect("fails with a ConfigError for an absent Config, and with a SessionError for unusable settings", () =>
    Effect.gen(function* () {
      const absent = yield* Effect.flip(Effect.scoped(Layer.build(databaseWith({ MY_MAX: "2" }))))
      assert.strictEqual(absent._tag, "ConfigError")
      const unusable = yield* Effect.flip(
        Effect.scoped(Layer.build(databaseWith({ MY_DATABASE: "postgres://u:p@h/d", MY_MAX: "0" })))
      )
      assert.isTrue(isSessionError(unusable))
      assert.include(unusable.message, 'pool.max = "0"')
    })
  )
})

layer(TestPostgres.layer)("PgClientLayer.make", (it) => {
  it.effect("gives a client for as long as the scope is open", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* TestPostgres
      const scope = yield* Scope.make()
      const sql = yield* PgClientLayer.make({ url, applicationName: "made", pool: { min: 1, max: 1 } }).pipe(
        Scope.provide(scope)
      )
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      yield* Scope.close(scope, Exit.void)
      const left = yield* admin("select count(*)::int as n from pg_stat_activity where application_name = 'made'")
      assert.deepStrictEqual(left, [{ n: 0 }])
    })
  )
})
