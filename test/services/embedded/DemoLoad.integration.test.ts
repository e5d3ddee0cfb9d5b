import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as DemoLoadLayer from "../../../src/layers/DemoLoadLayer.ts"
import { DemoLoad } from "../../../src/services/embedded/DemoLoad.ts"
import { fromInput, SessionConfig } from "../../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, until, untilPool } from "../../PoolHarness.ts"
import { elapsed, timed } from "../../Timing.ts"

/** How long to watch, in milliseconds: several rounds of what is frequent. */
const WATCHED_MILLIS = 3000

/** A loaded pool, and the holders of its sessions that were seen. */
const loaded = Effect.gen(function* () {
  const { pool } = yield* stack({ pool: { min: 2, max: 5 } })
  const context = yield* Layer.build(DemoLoad.layer.pipe(Layer.provide(Layer.succeed(SessionPool, pool))))
  const holders = new Set<string>()
  const look = Effect.map(pool.sessions, (sessions) => {
    for (const { holder } of sessions) if (holder !== undefined) holders.add(holder.replace(/ \(.*/, ""))
  })
  return { demo: Context.get(context, DemoLoad), holders, look, pool }
})

layer(TestPostgres.layer, { excludeTestServices: true })("DemoLoad", (it) => {
  it.effect(
    "runs only spans named demo, without failures, at a negligible cost",
    () =>
      Effect.gen(function* () {
        const { demo, holders, look, pool } = yield* loaded
        assert.isTrue(demo.isActive)
        const began = performance.now()
        const before = process.cpuUsage()
        yield* until(
          "it has been watched for a while",
          Effect.map(look, () => performance.now() - began > WATCHED_MILLIS)
        )
        const { system, user } = process.cpuUsage(before)
        assert.includeMembers([...holders], ["demo transaction"])
        assert.isEmpty([...holders].filter((holder) => !holder.startsWith("demo ")))
        const { counters } = yield* pool.snapshot
        assert.isTrue(counters.acquired.immediate + counters.acquired.waited > 15)
        assert.deepStrictEqual([counters.acquired.failed, counters.acquired.timeout, counters.recoveries], [0, 0, 0])
        // Includes this test's own 200 snapshots a second.
        assert.isBelow((user + system) / 1000 / WATCHED_MILLIS, 0.3)
      }).pipe(Effect.scoped),
    timed
  )

  it.effect(
    "releases every session at once when it is stopped",
    () =>
      Effect.gen(function* () {
        const { demo, pool } = yield* loaded
        yield* untilPool(pool, "a session is in use", ({ used }) => used > 0)
        assert.isBelow(yield* elapsed(demo.stop), 500)
        yield* untilPool(pool, "all are back", ({ used, waiting }) => used === 0 && waiting === 0)
        const { counters } = yield* pool.snapshot
        yield* pool.use((session) => session.execute("select 1", [], undefined))
        const after = yield* pool.snapshot
        assert.strictEqual(after.counters.acquired.immediate, counters.acquired.immediate + 1)
        yield* demo.stop
      }).pipe(Effect.scoped),
    timed
  )

  it.effect("runs on an embedded database only, and only when it is enabled", () =>
    Effect.gen(function* () {
      const { pool } = yield* stack()
      const isActive = (connectionType: "embedded" | "direct", wanted: boolean) =>
        Effect.gen(function* () {
          const settings = yield* Effect.fromResult(fromInput({}))
          const lines: Array<unknown> = []
          const context = yield* Layer.build(
            DemoLoadLayer.layer.pipe(
              Layer.provide([
                Layer.succeed(SessionPool, pool),
                Layer.succeed(SessionConfig, { ...settings, connectionType }),
                Layer.succeed(DemoLoadLayer.DemoEnabled, wanted),
                Logger.layer([Logger.make<unknown, void>(({ message }) => void lines.push(message))])
              ])
            )
          )
          const demo = Context.get(context, DemoLoad)
          yield* demo.stop
          return [demo.isActive, /demonstration load.*--no-demo/.test(String(lines))]
        })
      assert.deepStrictEqual(yield* isActive("embedded", true), [true, true])
      assert.deepStrictEqual(yield* isActive("embedded", false), [false, false])
      assert.deepStrictEqual(yield* isActive("direct", true), [false, false])
    }).pipe(Effect.scoped)
  )
})
