import * as PgConnection from "@effect/sql-pg/PgConnection"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { EmbeddedPostgres } from "../../../src/services/embedded/EmbeddedPostgres.ts"
import { rowsOf } from "./postgres/RowsOf.ts"

const sqlState = (cause: unknown) => (cause as { readonly code?: string } | undefined)?.code

const connectError = (port: number) =>
  Effect.callback<string>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port })
    socket.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? error.message)))
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed("connected"))
    })
  })

layer(EmbeddedPostgres.layer({ settings: { work_mem: "5MB" }, maxConnections: 17 }), { excludeTestServices: true })(
  "EmbeddedPostgres",
  (it) => {
    it.effect("answers a query with the settings it was given, by PostgreSQL 17 unless PG_BIN_DIR names another", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres
        const rows = yield* rowsOf(
          server.url,
          `select current_setting('server_version_num')::int / 10000 as major, current_setting('work_mem') as work_mem,
                  current_setting('max_connections') as max, current_setting('fsync') as fsync,
                  current_setting('unix_socket_directories') as sockets, current_setting('TimeZone') as zone,
                  current_setting('server_encoding') as encoding, current_user as who`
        )
        const { major, ...settings } = rows[0] ?? {}
        if (process.env["PG_BIN_DIR"] === undefined) assert.strictEqual(major, 17)
        assert.deepStrictEqual(settings, {
          work_mem: "5MB",
          max: "17",
          fsync: "off",
          sockets: "",
          zone: "UTC",
          encoding: "UTF8",
          who: "postgres"
        })
      })
    )

    it.effect("refuses a wrong password and shows none", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres
        const wrong = Redacted.make(Redacted.value(server.url).replace(Redacted.value(server.password), "wrong"))
        const error = yield* Effect.flip(rowsOf(wrong, "select 1"))
        assert.strictEqual(sqlState(error.reason.cause), "28P01")
        assert.notInclude(String(server.url), Redacted.value(server.password))
        assert.notInclude(yield* server.logs, Redacted.value(server.password))
      })
    )

    it.effect("keeps its data from others, and runs as another user than root", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres
        const root = Path.dirname(server.dataDirectory)
        const owner = process.getuid?.() === 0 ? 65_534 : process.getuid?.()
        for (const path of [root, server.dataDirectory]) {
          assert.strictEqual(Fs.statSync(path).uid, owner)
          assert.strictEqual(Fs.statSync(path).mode & 0o077, 0)
        }
        assert.notInclude(Fs.readdirSync(root), "password")
      })
    )

    it.effect("creates a database of any name, and fails with the reason when it exists", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres
        const name = `odd "name"; drop table x -- /%?ü`
        const database = yield* server.createDatabase(name)
        assert.deepStrictEqual(yield* rowsOf(database.url, "select current_database() as name"), [{ name }])
        const error = yield* Effect.flip(server.createDatabase(name))
        assert.strictEqual(error._tag, "EmbeddedPostgresError")
        assert.strictEqual(error.step, "createDatabase")
        assert.include(error.message, "Choose another name")
      })
    )

    it.effect("restarts on the same port with its data and another pid", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres
        yield* rowsOf(server.url, "create table kept as select 42 as answer")
        const before = yield* server.pid
        yield* server.restart
        assert.notStrictEqual(yield* server.pid, before)
        assert.deepStrictEqual(yield* rowsOf(server.url, "select answer from kept"), [{ answer: 42 }])
      })
    )

    for (const mode of ["fast", "immediate", "smart"] as const) {
      it.effect(`refuses connections after a ${mode} stop and answers after a start`, () =>
        Effect.gen(function* () {
          const server = yield* EmbeddedPostgres
          yield* server.stop(mode)
          assert.strictEqual(yield* connectError(server.port), "ECONNREFUSED")
          yield* server.stop(mode)
          yield* server.start
          yield* server.start
          assert.deepStrictEqual(yield* rowsOf(server.url, "select 1 as one"), [{ one: 1 }])
          assert.include(yield* server.logs, `received ${mode} shutdown request`)
        })
      )
    }

    it.effect("lets clients finish on a smart stop and returns when the last one left", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres
        const connection = yield* PgConnection.make({ url: server.url })
        const order: Array<string> = []
        yield* Effect.all(
          [
            Effect.andThen(
              server.stop("smart"),
              Effect.sync(() => order.push("stopped"))
            ),
            Effect.scoped(
              Effect.gen(function* () {
                const refused = yield* Effect.flip(rowsOf(server.url, "select 1")).pipe(Effect.eventually)
                order.push(sqlState(refused.reason.cause) ?? "")
                yield* connection.query("select pg_terminate_backend(pg_backend_pid())").pipe(Effect.ignore)
              })
            )
          ],
          { concurrency: 2 }
        )
        assert.deepStrictEqual(order, ["57P03", "stopped"])
        yield* server.start
      })
    )

    it.effect("starts again after its postmaster was killed", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres
        const connection = yield* PgConnection.make({ url: server.url })
        const lost = yield* Effect.forkChild(Effect.flip(connection.query("select pg_sleep(60)")))
        const killed = yield* server.pid
        process.kill(killed, "SIGKILL")
        yield* server.stop("fast")
        yield* server.start
        assert.notStrictEqual(yield* server.pid, killed)
        assert.deepStrictEqual(yield* rowsOf(server.url, "select 1 as one"), [{ one: 1 }])
        assert.strictEqual((yield* Fiber.join(lost))._tag, "SqlError")
      })
    )
  }
)
