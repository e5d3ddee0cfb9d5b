import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { stopSignals } from "../src/cli/Signals.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"
import { eventually, get, mainFile, repository, start } from "./cli/RunningProgram.ts"

const holding = [process.execPath, Path.join(import.meta.dirname, "cli/HeldLease.ts")] as const

/** The time in which the whole end must be over when nothing is held, in milliseconds; a loaded machine included. */
const PROMPT_MILLIS = 3000

const environmentOf = Effect.fnUntraced(function* (name: string, env: Readonly<Record<string, string>> = {}) {
  const { url } = yield* TestPostgres
  return { DATABASE_URL: Redacted.value(url), DB_APPLICATION_NAME: name, ...env }
})

const noBackendsOf = Effect.fnUntraced(function* (name: string) {
  const postgres = yield* TestPostgres
  const count = postgres.admin("select 1 from pg_stat_activity where application_name = $1", [name])
  yield* count.pipe(Effect.repeat({ until: (rows) => rows.length === 0 }), Effect.timeout("1 second"))
})

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
  it.effect("serves an embedded PostgreSQL without any configuration, and takes it along", () =>
    Effect.gen(function* () {
      const program = yield* start({})
      const [line, port = ""] = yield* program.said(/No SUPABASE_SESSION_POOLER is set: .*127\.0\.0\.1:(\d+).*/)
      assert.include(line, "throw-away")
      const address = yield* program.address
      yield* ready(address)
      const status = JSON.parse((yield* Effect.promise(() => get(`${address}/status`))).body)
      assert.deepStrictEqual([status.phase, status.ready, status.endpoint.port], ["open", true, Number(port)])
      yield* program.said(/pool \(open=2\/5 used=0 idle=2 connecting=0 waiting=0 ceiling=5\)/)
      program.child.kill("SIGTERM")
      assert.strictEqual((yield* program.ended).outcome, 0)
      assert.isTrue(yield* eventually("the server's end", () => isRefused(Number(port))))
    })
  )

  it.effect("leaves no embedded server behind within 5 seconds after kill -9", () =>
    Effect.gen(function* () {
      const program = yield* start({})
      const [, port = ""] = yield* program.said(/embedded PostgreSQL 17 at 127\.0\.0\.1:(\d+)/)
      program.child.kill("SIGKILL")
      const gone = eventually("the server's end", () => isRefused(Number(port)))
      assert.isTrue(yield* Effect.timeout(gone, "5 seconds"))
    })
  )

  for (const signal of stopSignals) {
    it.effect(`ends with 0 on ${signal}, promptly and without a backend left`, () =>
      Effect.gen(function* () {
        const name = `ends-${signal}`
        const program = yield* start({ env: yield* environmentOf(name) })
        yield* ready(yield* program.address)
        const sent = performance.now()
        program.child.kill(signal)
        const { at, outcome } = yield* program.ended
        assert.strictEqual(outcome, 0, program.output())
        assert.isBelow(at - sent, PROMPT_MILLIS)
        yield* noBackendsOf(name)
      })
    )
  }

  it.effect("ends with 0 when a signal comes before it has started", () =>
    Effect.gen(function* () {
      for (const moment of [/starts an embedded/, /using an embedded PostgreSQL/]) {
        const program = yield* start({})
        yield* program.said(moment)
        const sent = performance.now()
        program.child.kill("SIGTERM")
        const { at, outcome } = yield* program.ended
        assert.strictEqual(outcome, 0, program.output())
        assert.isBelow(at - sent, PROMPT_MILLIS)
      }
    })
  )

  it.effect("turns 503 while a lease finishes, stays alive, and ends with 0 when it is back", () =>
    Effect.gen(function* () {
      const env = yield* environmentOf("finishes", { HOLD_SECONDS: "1.5", DB_SHUTDOWN_TIMEOUT: "20s" })
      const program = yield* start({ command: holding, env })
      const address = yield* program.address
      yield* used(address)
      program.child.kill("SIGTERM")
      assert.include(yield* draining(address), "the pool is draining")
      assert.deepStrictEqual(yield* Effect.promise(() => get(`${address}/livez`)), { status: 200, body: "ok\n" })
      assert.strictEqual((yield* program.ended).outcome, 0, program.output())
      assert.include(program.output(), "lease finished")
      yield* noBackendsOf("finishes")
    })
  )

  it.effect("cancels a lease that does not finish, and is over within the shutdown timeout", () =>
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
      assert.isBelow(at - sent, 1000 + PROMPT_MILLIS)
      assert.include(program.output(), "lease cancelled")
      yield* noBackendsOf("cancelled")
    })
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
        assert.isBelow(at - sent, 500)
      })
  )

  it.effect("ends at once with 143 on SIGTERM after Ctrl-C", () =>
    Effect.gen(function* () {
      const program = yield* start({ command: holding, env: yield* environmentOf("other-signal") })
      const address = yield* program.address
      yield* used(address)
      program.child.kill("SIGINT")
      yield* draining(address)
      program.child.kill("SIGTERM")
      assert.strictEqual((yield* program.ended).outcome, 143)
    })
  )

  it.effect("ends with 0 when Ctrl-C reaches npm start and everything below it", () =>
    Effect.gen(function* () {
      const program = yield* start({ command: ["npm", "start"], cwd: repository, env: yield* environmentOf("npm") })
      yield* ready(yield* program.address)
      process.kill(-(program.child.pid ?? 0), "SIGINT")
      assert.strictEqual((yield* program.ended).outcome, 0, program.output())
      yield* noBackendsOf("npm")
    })
  )

  it.effect("is not held up by a request that never becomes complete", () =>
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
      assert.isBelow(at - sent, PROMPT_MILLIS)
    })
  )

  it.effect("goes on when nobody reads its lines any more, and still ends in order", () =>
    Effect.gen(function* () {
      const env = yield* environmentOf("unread", { HOLD_SECONDS: "1.5" })
      const program = yield* start({ command: holding, env })
      const address = yield* program.address
      yield* used(address)
      program.child.stdout?.destroy()
      program.child.stderr?.destroy()
      program.child.kill("SIGHUP")
      yield* draining(address)
      assert.strictEqual((yield* program.ended).outcome, 0)
      yield* noBackendsOf("unread")
    })
  )

  it.effect("says what to do about a wrong password, and never the password", () =>
    Effect.gen(function* () {
      const url = new URL(Redacted.value((yield* TestPostgres).url))
      url.password = "wr%40ng-secret"
      const program = yield* start({ env: { DATABASE_URL: url.href } })
      assert.strictEqual((yield* program.ended).outcome, 1)
      assert.match(program.output(), /password/i)
      assert.match(program.output(), /\n.*(reset|copy|check|set).*/i)
      assert.notMatch(program.output(), /wr(@|%40)ng-secret/)
      assert.notMatch(program.output(), /\n\s+at /)
    })
  )

  it.effect("lists every mistake in the configuration and ends with 2", () =>
    Effect.gen(function* () {
      const env = { DB_POOL_MIN: "9", DB_POOL_MAX: "3", DB_CONNECT_TIMEOUT: "soon", LOG_FORMAT: "xml" }
      const program = yield* start({ env })
      assert.strictEqual((yield* program.ended).outcome, 2)
      for (const name of ["DB_POOL_MAX", "DB_CONNECT_TIMEOUT", "LOG_FORMAT"]) assert.include(program.output(), name)
      assert.notMatch(program.output(), /\n\s+at /)
    })
  )

  it.effect("names HTTP_PORT when the port is in use", () =>
    Effect.gen(function* () {
      const first = yield* start({ env: yield* environmentOf("first") })
      const { port } = new URL(yield* first.address)
      const second = yield* start({ env: yield* environmentOf("second", { HTTP_PORT: port }) })
      assert.strictEqual((yield* second.ended).outcome, 1)
      assert.match(second.output(), /listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\).*HTTP_PORT/)
      yield* noBackendsOf("second")
    })
  )

  it.effect("reads a named file after the environment, and writes JSON lines when asked", () =>
    Effect.gen(function* () {
      const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-supavisor-program-"))
      const file = Path.join(directory, "settings.env")
      const { DATABASE_URL } = yield* environmentOf("file")
      Fs.writeFileSync(file, `DATABASE_URL=${DATABASE_URL}\nDB_POOL_MAX=7\nLOG_FORMAT=json\n`)
      const env = { DB_POOL_MAX: "4", DB_APPLICATION_NAME: "file" }
      const program = yield* start({ command: [process.execPath, mainFile, "serve", "--env-file", file], env })
      yield* program.said(/open=2\/4 /)
      program.child.kill("SIGINT")
      assert.strictEqual((yield* program.ended).outcome, 0)
      for (const line of program.output().trim().split("\n")) assert.property(JSON.parse(line), "level")
      Fs.rmSync(directory, { recursive: true })
    })
  )

  it.effect("shows its help and its version, and a near miss of a command", () =>
    Effect.gen(function* () {
      const help = yield* start({ command: [process.execPath, mainFile, "--help"] })
      assert.strictEqual((yield* help.ended).outcome, 0)
      assert.include(help.output(), "--env-file")
      const version = yield* start({ command: [process.execPath, mainFile, "--version"] })
      assert.strictEqual((yield* version.ended).outcome, 0)
      const { version: expected } = JSON.parse(Fs.readFileSync(Path.join(repository, "package.json"), "utf8"))
      assert.include(version.output(), expected)
      const miss = yield* start({ command: [process.execPath, mainFile, "serv"] })
      assert.strictEqual((yield* miss.ended).outcome, 1)
      assert.match(miss.output(), /Did you mean[\s\S]*serve/)
    })
  )
})
