/** The real operations server over a real pool, with a fault proxy before its database. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import * as ObservabilityLayer from "../../src/layers/ObservabilityLayer.ts"
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"
import type { SettingsInput } from "../../src/services/config/settings/Settings.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { FaultProxy } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"

/** Starts everything in the current scope, on any port unless the settings name one. */
export const liveServer = Effect.fnUntraced(function* (settings: SettingsInput = {}) {
  const postgres = yield* TestPostgres
  const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
  const context = yield* Layer.build(
    HttpLayer.layer.pipe(
      Layer.provideMerge(ObservabilityLayer.layer),
      Layer.provideMerge(
        SupavisorLayer.layer({
          url: proxy.urlThrough(postgres.url),
          pool: { min: 1, max: 3 },
          // a slow first probe, as on a loaded machine, must not decide the health for half a minute
          healthCheckInterval: "1 second",
          ...settings,
          http: { port: 0, ...settings.http }
        })
      ),
      Layer.provide(Logger.layer([]))
    )
  )
  const { port } = new URL(formatAddress(Context.get(context, HttpServer).address))
  return {
    url: `http://127.0.0.1:${port}/`,
    port: Number(port),
    proxy,
    pool: Context.get(context, SessionPool),
    sql: Context.get(context, PgClient)
  }
})
