/** A program whose stdout carries a protocol: it opens the pool, uses it, loses its sessions, and drains. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Observability from "../../src/layers/ObservabilityLayer.ts"
import { SessionPool, SupavisorLayer } from "../../src/index.ts"

const program = Effect.gen(function* () {
  const pool = yield* SessionPool
  const sql = yield* PgClient
  yield* sql`select 1 as one`
  yield* Effect.ignore(sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stdio'`)
  yield* Stream.runHead(Stream.filter(pool.events, (event) => event._tag === "SessionsLost"))
  yield* Effect.retry(sql`select 2 as two`, { times: 100 })
  yield* Effect.sync(() => process.stderr.write("used\n"))
})

const database = Observability.layer.pipe(
  Layer.provideMerge(
    SupavisorLayer.layerConfig({
      url: Config.Redacted("STDIO_URL"),
      applicationName: Config.succeed("stdio"),
      pool: { min: Config.succeed(2), max: Config.succeed(2) }
    })
  )
)

const stderr = process.env["STDIO_DEFAULT_LOGGER"] === undefined ? Layer.succeed(Logger.LogToStderr, true) : Layer.empty

NodeRuntime.runMain(Effect.provide(program, Layer.provide(database, stderr)))
