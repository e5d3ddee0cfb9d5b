import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import * as ObservabilityLayer from "../../src/layers/ObservabilityLayer.ts"
import { Advisor } from "../../src/services/observability/Advisor.ts"
import { PostgresMonitor } from "../../src/services/observability/PostgresMonitor.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { until } from "../PoolHarness.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("ObservabilityLayer", (it) => {
  it.effect("adds the database's view and the findings to /status", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const context = yield* Layer.build(
        HttpLayer.layer.pipe(
          Layer.provideMerge(ObservabilityLayer.layer),
          Layer.provideMerge(SessionPool.layer),
          Layer.provideMerge(SessionConfig.layer({ url, pool: { min: 1, max: 2 }, http: { port: 0 } })),
          Layer.provide(Logger.layer([]))
        )
      )
      const monitor = Context.get(context, PostgresMonitor)
      yield* until(
        "the monitor has looked by itself",
        Effect.map(monitor.current, ({ view }) => view !== undefined)
      )
      assert.deepStrictEqual(yield* Context.get(context, Advisor).refresh, [])
      const status = yield* Effect.promise(async () => {
        const answer = await fetch(`${formatAddress(Context.get(context, HttpServer).address)}/status`)
        return answer.json() as Promise<Record<string, unknown>>
      })
      assert.deepStrictEqual(status["findings"], [])
      assert.deepStrictEqual(status["database"], JSON.parse(JSON.stringify(yield* monitor.current)))
      assert.nestedPropertyVal(status, "database.view.maxConnections", 100)
    }).pipe(Effect.scoped)
  )
})
