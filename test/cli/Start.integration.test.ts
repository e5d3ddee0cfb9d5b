import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { environmentOf, noBackendsOf } from "./Backends.ts"
import { mainFile, repository, start } from "./RunningProgram.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("The command line", (it) => {
  it.effect("prints the remedy for a wrong password, and never the password", () =>
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
      yield* program.printed(/open=\d\/4 /)
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
      assert.strictEqual((yield* miss.ended).outcome, 2)
      assert.match(miss.output(), /Did you mean serve\?/)
    })
  )
})
