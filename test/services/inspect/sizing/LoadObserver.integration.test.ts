import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { LoadObserver, sizeReportOf } from "../../../../src/services/inspect/LoadObserver.ts"
import { SessionConfig, type SettingsInput } from "../../../../src/services/config/SessionConfig.ts"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { client, serverWithStatistics } from "../checks/TestInspector.ts"

const observe = (settings: SettingsInput, window: number) =>
  Effect.flatMap(LoadObserver, (observer) => observer.observe(window)).pipe(
    Effect.provide(LoadObserver.layer.pipe(Layer.provide(SessionConfig.layer(settings))))
  )

layer(serverWithStatistics, { excludeTestServices: true })("A measured load", (it) => {
  it.effect("is three sessions for three that are nearly always busy", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const owner = yield* client(url, "owner")
      yield* owner.run("create extension pg_stat_statements")
      // Transactions that touch no table are reported to pg_stat_database late.
      yield* owner.run("create table touched as select 1 as one")
      const workers = yield* Effect.forEach([1, 2, 3], (number) => client(url, `worker-${number}`))
      const working = yield* Effect.forkChild(
        Effect.forEach(workers, ({ run }) => Effect.forever(run("select pg_sleep(0.2) from touched")), {
          concurrency: "unbounded"
        }),
        { startImmediately: true }
      )
      const began = performance.now()
      const observed = yield* observe({ url }, 4000)
      yield* Fiber.interrupt(working)
      assert.isAtLeast(observed.windowMillis, 2500)
      assert.isAtMost(observed.windowMillis, performance.now() - began)
      assert.isAtLeast(observed.busySamples.length, 6)
      assert.isAtMost(Math.max(...observed.busySamples), 3, "the observer does not count itself")
      const report = sizeReportOf({ observed })
      assert.isAtLeast(report.observed?.busyByLaw ?? 0, 1)
      assert.approximately(report.observed?.busyByStatements ?? 0, 3, 1.2)
      assert.approximately(report.observed?.busySeen ?? 0, 3, 1)
      assert.isAtLeast(observed.transactions, 30)
      assert.approximately((observed.statements?.millis ?? 0) / (observed.statements?.calls ?? 1), 200, 150)
      assert.include([4, 5], report.max)
      assert.notInclude(report.warnings.join(), "Nothing ran")
    }).pipe(Effect.scoped)
  )

  it.effect("is zero for an idle database, also without the extension", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const observed = yield* observe({ url }, 1000)
      assert.isUndefined(observed.statements)
      assert.deepStrictEqual(new Set(observed.busySamples), new Set([0]))
      assert.match(sizeReportOf({ observed }).warnings.join(), /Nothing ran/)
    }).pipe(Effect.scoped)
  )
})
