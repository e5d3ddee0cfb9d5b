import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as Path from "node:path"
import { stopSignals } from "../src/cli/Signals.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"
import { environmentOf, noBackendsOf } from "./cli/Backends.ts"
import { eventually, get, repository, start } from "./cli/RunningProgram.ts"
import { timed } from "./Timing.ts"

const holding = [process.execPath, Path.join(import.meta.dirname, "cli/HeldLease.ts")] as const

/** The time in which the whole end must be over when nothing is held, in milliseconds, beyond what a start takes. */
const PROMPT_MILLIS = 3000

const isRefused = (port: number) =>
  new Promise<true | undefined>((resolve) => {
    const socket = Net.connect({ host: "127.0.0.1", port })
    socket.once("connect", () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once("error", () => resolve(true))
  })

const ready = (address: string) =>
  eventually("readiness", async () => ((await get(`${address}/readyz`)).status === 200 ? true : undefined))

const used = (address: string) =>
  eventually("a lease", async () => {
    const status = JSON.parse((await get(`${address}/status`)).body)
    return status.pool.used === 1 ? true : undefined
  })

const draining = (address: string) =>
  eventually("draining", async () => {
    const answer = await get(`${address}/readyz`)
    return answer.status === 503 ? answer.body : undefined
  })

layer(TestPostgres.layer, { excludeTestServices: true })("The program", (it) => {
  it.effect(
    "serves an embedded PostgreSQL without any configuration, and stops it at its end",
    () =>
      Effect.gen(function* () {
        const program = yield* start({})
        const [line, port = ""] = yield* program.printed(/No SUPABASE_SESSION_POOLER is set: .*127\.0\.0\.1:(\d+).*/)
        assert.include(line, "temporary")
        const [, pooler = ""] = yield* program.printed(
          /FakeSupavisor, a pooler in session mode, is in front of it at 127\.0\.0\.1:(\d+)/
        )
        const address = yield* program.address
        yield* ready(address)
        const status = JSON.parse((yield* Effect.promise(() => get(`${address}/status`))).body)
        assert.deepStrictEqual([status.phase, status.ready, status.endpoint.port], ["open", true, Number(pooler)])
        yield* program.printed(/pool \(open=[2-5]\/5 used=\d idle=\d connecting=0 waiting=0 ceiling=5\)/)
        program.child.kill("SIGTERM")
        assert.strictEqual((yield* program.ended).outcome, 0)
        assert.isTrue(yield* eventually("the server's end", () => isRefused(Number(port))))
      }),
    timed
  )

  it.effect(
    "leaves no embedded server behind within 5 seconds after kill -9",
    () =>
      Effect.gen(function* () {
        const program = yield* start({})
        const [, port = ""] = yield* program.printed(/embedded PostgreSQL 17 at 127\.0\.0\.1:(\d+)/)
        program.child.kill("SIGKILL")
        const gone = eventually("the server's end", () => isRefused(Number(port)))
        assert.isTrue(yield* Effect.timeout(gone, "5 seconds"))
      }),
    timed
  )

  for (const signal of stopSignals) {
    it.effect(
      `ends with 0 on ${signal}, promptly and without a backend left`,
      () =>
        Effect.gen(function* () {
          const name = `ends-${signal}`
          const program = yield* start({ env: yield* environmentOf(name) })
          yield* ready(yield* program.address)
          const sent = performance.now()
          program.child.kill(signal)
          const { at, outcome } = yield* program.ended
          assert.strictEqual(outcome, 0, program.output())
          assert.isBelow(at - sent, PROMPT_MILLIS + program.startMillis())
          yield* noBackendsOf(name)
        }),
      timed
    )
  }

  it.effect(
    "ends with 0 when a signal comes before it has started",
    () =>
      Effect.gen(function* () {
        for (const moment of [/starts an embedded/, /using an embedded PostgreSQL/]) {
          const program = yield* start({})
          yield* program.printed(moment)
          const sent = performance.now()
          program.child.kill("SIGTERM")
          const { at, outcome } = yield* program.ended
          assert.strictEqual(outcome, 0, program.output())
          assert.isBelow(at - sent, PROMPT_MILLIS + program.startMillis())
        }
      }),
    timed
  )

  it.effect(
    "ends with 0 when a signal comes while the first session is still being opened",
    () =>
      Effect.gen(function* () {
        let accepted = 0
        const silent = Net.createServer((socket) => {
          accepted += 1
          socket.on("error", () => {})
        })
        const port = yield* Effect.callback<number>((resume) => {
          silent.listen(0, "127.0.0.1", () => resume(Effect.succeed((silent.address() as Net.AddressInfo).port)))
        })
        const program = yield* start({ env: { DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/d` } })
        yield* eventually("a dial", () => (accepted > 0 ? true : undefined))
        const sent = performance.now()
        program.child.kill("SIGTERM")
        const { at, outcome } = yield* program.ended
        silent.close()
        assert.strictEqual(outcome, 0, program.output())
        assert.isBelow(at - sent, PROMPT_MILLIS + program.startMillis())
      }),
    timed
  )

  it.effect(
    "returns 503 while a lease finishes, stays alive, and exits with 0 after the release",
    () =>
      Effect.gen(function* () {
        const env = yield* environmentOf("finishes", { HOLD_SECONDS: "3", DB_SHUTDOWN_TIMEOUT: "20s" })
        const program = yield* start({ command: holding, env })
        const address = yield* program.address
        yield* used(address)
        program.child.kill("SIGTERM")
        assert.include(yield* draining(address), "the pool is draining")
        assert.deepStrictEqual(yield* Effect.promise(() => get(`${address}/livez`)), { status: 200, body: "ok\n" })
        assert.strictEqual((yield* program.ended).outcome, 0, program.output())
        assert.include(program.output(), "lease finished")
        yield* noBackendsOf("finishes")
      }),
    timed
  )

  it.effect(
    "cancels a lease that does not finish, and exits within the shutdown timeout",
    () =>
      Effect.gen(function* () {
        const program = yield* start({
          command: holding,
          env: yield* environmentOf("cancelled", { DB_SHUTDOWN_TIMEOUT: "1s" })
        })
        yield* used(yield* program.address)
        const sent = performance.now()
        program.child.kill("SIGTERM")
        const { at, outcome } = yield* program.ended
        assert.strictEqual(outcome, 0, program.output())
        assert.isBelow(at - sent, 1000 + PROMPT_MILLIS + program.startMillis())
        assert.include(program.output(), "lease cancelled")
        yield* noBackendsOf("cancelled")
      }),
    timed
  )

  it.effect(
    "ends at once with 130 when Ctrl-C is pressed again, but not for the copy of the first that npm sends",
    () =>
      Effect.gen(function* () {
        const program = yield* start({ command: holding, env: yield* environmentOf("pressed-again") })
        const address = yield* program.address
        yield* used(address)
        program.child.kill("SIGINT")
        yield* draining(address)
        program.child.kill("SIGINT")
        assert.strictEqual((yield* Effect.promise(() => get(`${address}/livez`))).status, 200)
        // the time itself is what is tested
        yield* Effect.sleep("1 second")
        assert.strictEqual((yield* Effect.promise(() => get(`${address}/livez`))).status, 200)
        const sent = performance.now()
        program.child.kill("SIGINT")
        const { at, outcome } = yield* program.ended
        assert.strictEqual(outcome, 130)
        assert.isBelow(at - sent, 500 + program.startMillis())
      }),
    timed
  )

  it.effect(
    "ends at once with 143 on SIGTERM after Ctrl-C",
    () =>
      Effect.gen(function* () {
        const program = yield* start({ command: holding, env: yield* environmentOf("other-signal") })
        const address = yield* program.address
        yield* used(address)
        program.child.kill("SIGINT")
        yield* draining(address)
        program.child.kill("SIGTERM")
        assert.strictEqual((yield* program.ended).outcome, 143)
      }),
    timed
  )

  it.effect(
    "ends with 0 when Ctrl-C reaches npm start and everything below it",
    () =>
      Effect.gen(function* () {
        const program = yield* start({ command: ["npm", "start"], cwd: repository, env: yield* environmentOf("npm") })
        yield* ready(yield* program.address)
        process.kill(-(program.child.pid ?? 0), "SIGINT")
        assert.strictEqual((yield* program.ended).outcome, 0, program.output())
        yield* noBackendsOf("npm")
      }),
    timed
  )

  it.effect(
    "is not held up by a request that never becomes complete",
    () =>
      Effect.gen(function* () {
        const program = yield* start({ env: yield* environmentOf("silent") })
        const address = new URL(yield* program.address)
        const socket = Net.connect({ host: address.hostname, port: Number(address.port) })
        socket.on("error", () => {})
        yield* Effect.callback<void>((resume) => {
          socket.once("connect", () => socket.write("GET /livez HTTP/1.1\r\n", () => resume(Effect.void)))
        })
        const sent = performance.now()
        program.child.kill("SIGTERM")
        const { at, outcome } = yield* program.ended
        socket.destroy()
        assert.strictEqual(outcome, 0)
        assert.isBelow(at - sent, PROMPT_MILLIS + program.startMillis())
      }),
    timed
  )

  it.effect(
    "continues when its output is closed, and still shuts down in order",
    () =>
      Effect.gen(function* () {
        const env = yield* environmentOf("unread", { HOLD_SECONDS: "3" })
        const program = yield* start({ command: holding, env })
        const address = yield* program.address
        yield* used(address)
        program.child.stdout?.destroy()
        program.child.stderr?.destroy()
        program.child.kill("SIGHUP")
        yield* draining(address)
        assert.strictEqual((yield* program.ended).outcome, 0)
        yield* noBackendsOf("unread")
      }),
    timed
  )
})
