import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as ConfigLayer from "../../src/layers/ConfigLayer.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"

const URL = "postgresql://postgres.abcdefghijklmnopqrst:l0ngSecret@aws-1-eu-west-1.pooler.supabase.com:5432/postgres"

/** The settings that a file of these bytes gives, beside these variables of the environment. */
const settingsOf = (bytes: Uint8Array | string, env: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const envFile = yield* files.makeTempFileScoped()
    yield* files.writeFile(envFile, Buffer.from(bytes as string))
    return yield* Effect.provide(
      SessionConfig,
      ConfigLayer.layer({ envFile }).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
    )
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const messageOf = (bytes: Uint8Array | string, env: Record<string, string> = {}) =>
  Effect.map(Effect.flip(settingsOf(bytes, env)), (error) => {
    assert.notInclude(`${error.message}${error.stack}`, "Secret")
    return error.message
  })

const wide = (text: string, mark: string) => Buffer.from(`${mark}${text}`, "utf16le")

describe("EnvFileLayer", () => {
  it.effect("refuses a file in another encoding", () =>
    Effect.gen(function* () {
      const line = `SUPABASE_SESSION_POOLER=${URL}\r\n`
      assert.include(yield* messageOf(wide(line, "\uFEFF")), "UTF-16")
      assert.include(yield* messageOf(wide(line, "")), "UTF-16")
      assert.include(yield* messageOf(wide(line, "\uFEFF").swap16()), "UTF-16")
      assert.include(yield* messageOf(wide("DB_POOL_MAX=5", "\uFEFF"), { SUPABASE_SESSION_POOLER: URL }), "UTF-16")
      assert.include(yield* messageOf(`# a\nDB_POOL_MAX=5\0\n${line}`), "a NUL character in line 2")
      assert.include(
        yield* messageOf(Buffer.from(`${line}DB_APPLICATION_NAME=b\u00FCro\n`, "latin1")),
        "encoding in line 2"
      )
      assert.include(yield* messageOf(Buffer.from(line.replace("l0ng", "l\u00F6ng"), "latin1")), "encoding in line 1")
    })
  )

  it.effect("reads UTF-8 with and without its mark, and another encoding in a comment", () =>
    Effect.gen(function* () {
      const marked = yield* settingsOf(`\uFEFFSUPABASE_SESSION_POOLER=${URL}\r\nDB_POOL_MAX=7\r\n`)
      assert.deepStrictEqual([marked.connection?.port, marked.pool.max], [5432, 7])
      const commented = yield* settingsOf(Buffer.from(`# gr\u00F6\u00DFe\nDB_POOL_MAX=7\n`, "latin1"))
      assert.strictEqual(commented.pool.max, 7)
      assert.strictEqual((yield* settingsOf("DB_SEARCH_PATH=b\u00FCro")).searchPath, "b\u00FCro")
    })
  )

  it.effect("names the lines that are no assignments", () =>
    Effect.gen(function* () {
      const lines = [
        `set SUPABASE_SESSION_POOLER=${URL}`,
        `setx SUPABASE_SESSION_POOLER "${URL}"`,
        `$env:SUPABASE_SESSION_POOLER = "${URL}"`,
        `SUPABASE_SESSION_POOLER ${URL}`,
        `declare -x SUPABASE_SESSION_POOLER="${URL}"`,
        `- SUPABASE_SESSION_POOLER=${URL}`,
        `"SUPABASE_SESSION_POOLER": "${URL}"`,
        URL
      ]
      for (const line of lines) {
        const message = yield* messageOf(`# settings\nDB_POOL_MIN=1\n\n${line}\n`)
        assert.include(message, "line 4", line)
        assert.include(message, "no assignment", line)
      }
      assert.include(yield* messageOf("set DB_POOL_MAX=5", { SUPABASE_SESSION_POOLER: URL }), "line 1")
    })
  )

  it.effect("ignores headings, and reads values of several lines", () =>
    Effect.gen(function* () {
      const content = `[database]\n---\n  # comment\nexport SUPABASE_SESSION_POOLER="${URL}" # pooler\nKEY="a\nb=c\n://"\nDB_POOL_MAX: 7\n`
      const config = yield* settingsOf(content)
      assert.deepStrictEqual([config.connection?.port, config.pool.max], [5432, 7])
    })
  )

  it.effect("names a value that a # cuts off", () =>
    Effect.gen(function* () {
      const cut = (password: string) => URL.replace("l0ngSecret", password)
      for (const line of [
        `SUPABASE_SESSION_POOLER=${cut("20245#Secret")}`,
        `DATABASE_URL=${cut("a#Secret")}`,
        `export DATABASE_URL = ${cut("%41#b#Secret")}`,
        "DATABASE_URL=postgres://postgres:5432#Secret@localhost:5432/postgres",
        "DATABASE_URL=postgres://app:5432#Secret",
        "HTTP_TOKEN=0123456789#Secret"
      ]) {
        assert.include(yield* messageOf(`\n${line}\nDB_POOL_MAX=5`), "line 2", line)
      }
      const whole = yield* settingsOf(
        `SUPABASE_SESSION_POOLER='${cut("20245#ss")}'\nHTTP_TOKEN=0123456789abcdef0 # token\n`
      )
      assert.strictEqual(whole.connection?.host, "aws-1-eu-west-1.pooler.supabase.com")
    })
  )

  it.effect("names the variables of other programs instead of starting without a database", () =>
    Effect.gen(function* () {
      for (const [name, value] of [
        ["DIRECT_URL", `"${URL}"`],
        ["POSTGRES_URL", URL],
        ["POSTGRES_PRISMA_URL", URL],
        ["SUPABASE_SESION_POOLER", URL],
        ["DB_URL", URL],
        ["MY_DATABASE", "jdbc:postgresql://db:5432/shop"],
        ["PGHOST", "db.example.com"],
        ["PGDATABASE", "shop"],
        ["PGSERVICE", "shop"]
      ] as const) {
        const message = yield* messageOf(`${name}=${value}\n`)
        assert.include(message, `${name} is set`, name)
        assert.include(message, "DB_CONNECTION_TYPE=embedded", name)
      }
      assert.include(yield* messageOf("PGHOST=db\nPGUSER=app\n"), "PGHOST, PGUSER are set")
      for (const name of ["DIRECT_URL", "POSTGRES_URL", "DB_URL", "SUPABASE_POOLER"]) {
        assert.include(yield* messageOf("", { [name]: URL }), `${name} is set`, name)
      }
      assert.include(yield* messageOf("", { PGHOST: "db" }), "PGHOST is set")
    })
  )

  it.effect("ignores the variables of other programs beside a connection string or a type", () =>
    Effect.gen(function* () {
      const others = `DIRECT_URL=${URL}\nPGHOST=db\nPGPASSWORD=x\n`
      assert.strictEqual((yield* settingsOf(`${others}DATABASE_URL=${URL}`)).connection?.port, 5432)
      assert.strictEqual((yield* settingsOf(others, { SUPABASE_DB_URL: URL })).connection?.port, 5432)
      assert.strictEqual((yield* settingsOf(`${others}DB_CONNECTION_TYPE=embedded`)).connectionType, "embedded")
      const unrelated =
        "SUPABASE_URL=https://x.supabase.co\nREDIS_URL=redis://h\nPGHOST=\nDIRECT_URL=\nPGADMIN_PORT=1\n"
      assert.strictEqual((yield* settingsOf(unrelated)).connectionType, "embedded")
    })
  )
})
