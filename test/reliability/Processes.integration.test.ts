import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Url from "node:url"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { WallClock } from "../chaos/WallClock.ts"
import { environmentOf, noBackendsOf } from "../cli/Backends.ts"
import { eventually, get, start } from "../cli/RunningProgram.ts"
import { stack, until, untilPool } from "../PoolHarness.ts"

const HOUR_MILLIS = 3_600_000

/** The pool looks at deadlines and lifetimes once in a second. */
const LOOKED_MILLIS = 1200

const ready = (address: string) =>
  eventually("readiness", async () => ((await get(`${address}/readyz`)).status === 200 ? true : undefined))

const poolOf = (address: string) =>
  Effect.promise(async () => JSON.parse((await get(`${address}/status`)).body).pool as { open: number; idle: number })

layer(TestPostgres.layer, { excludeTestServices: true })("a process", (it) => {
  it.effect("that is killed with -9 leaves no backend behind", () =>
    Effect.gen(function* () {
      const program = yield* start({ env: yield* environmentOf("killed") })
      yield* ready(yield* program.address)
      program.child.kill("SIGKILL")
      assert.strictEqual((yield* program.ended).outcome, "SIGKILL")
      yield* noBackendsOf("killed")
    })
  )

  it.effect(
    "that was suspended while its sessions ended replaces them when it continues, and still shuts down in order",
    () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        const program = yield* start({ env: yield* environmentOf("suspended") })
        const address = yield* program.address
        yield* ready(address)
        yield* poolOf(address).pipe(Effect.repeat({ until: ({ open }) => open === 2 }), Effect.timeout("2 minutes"))
        program.child.kill("SIGSTOP")
        yield* postgres.admin(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'suspended'"
        )
        yield* noBackendsOf("suspended")
        program.child.kill("SIGCONT")
        yield* program.printed(/lost/i)
        yield* ready(address)
        yield* poolOf(address).pipe(Effect.repeat({ until: ({ open }) => open === 2 }), Effect.timeout("2 minutes"))
        program.child.kill("SIGTERM")
        assert.strictEqual((yield* program.ended).outcome, 0, program.output())
      })
  )

  it.effect("whose system clock is set an hour forward and back loses no session and no caller", () =>
    Effect.gen(function* () {
      const wall = yield* Effect.acquireRelease(
        Effect.sync(() => new WallClock()),
        (clock) => Effect.sync(() => clock.jump(0))
      )
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      for (const hours of [1, -1]) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* pool.get
            const waiter = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
            wall.jump(hours * HOUR_MILLIS)
            const jumped = performance.now()
            yield* until(
              "the pool has looked at its deadlines",
              Effect.sync(() => performance.now() - jumped > LOOKED_MILLIS)
            )
            assert.isUndefined(waiter.pollUnsafe())
            assert.strictEqual((yield* pool.snapshot).waiting, 1)
            return waiter
          })
        ).pipe(
          Effect.flatMap(Fiber.join),
          Effect.map((rows) => assert.deepStrictEqual(rows, [{ one: 1 }]))
        )
      }
      yield* untilPool(pool, "it is idle", (s) => s.idle === 1)
      const { closed, dialsStarted } = (yield* pool.snapshot).counters
      assert.strictEqual(dialsStarted, 1)
      assert.strictEqual(closed.lifetime + closed.idle + closed.lost + closed["probe-failed"], 0)
    })
  )

  it.effect(
    "without a free file descriptor fails dials with EMFILE, and opens its sessions when some are free again",
    () =>
      Effect.gen(function* () {
        const file = Url.fileURLToPath(new URL("./FewDescriptors.ts", import.meta.url))
        const shell = `ulimit -n 128; exec "${process.execPath}" "${file}"`
        const program = yield* start({ command: ["/bin/sh", "-c", shell], env: yield* environmentOf("few") })
        assert.strictEqual((yield* program.ended).outcome, 0, program.output())
        assert.deepStrictEqual(program.output().trim().split("\n"), ["EMFILE capacity", "1"])
      })
  )
})
