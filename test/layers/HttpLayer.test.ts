import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Context from "effect/Context"
import * as Net from "node:net"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import { PoolMetrics } from "../../src/services/observability/PoolMetrics.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { healthOf } from "../http/HealthFixture.ts"
import { openStream } from "../http/EventStream.ts"
import { historyOf } from "../http/HistoryFixture.ts"
import { poolFixture } from "../http/PoolFixture.ts"
import { elapsed, timed } from "../Timing.ts"

const listening = (port: number) =>
  HttpLayer.layer.pipe(
    Layer.provide([
      Layer.mock(SessionPool, {
        name: "p",
        endpoint: { host: "db.example.com", port: 5432, database: "postgres", username: "postgres" },
        snapshot: Effect.succeed(poolFixture()),
        sessions: Effect.succeed([]),
        waiters: Effect.succeed([])
      }),
      healthOf(),
      historyOf(),
      Layer.mock(PoolMetrics, { prometheus: Effect.succeed("# HELP\n") }),
      SessionConfig.layer({ http: { host: "127.0.0.1", port } })
    ])
  )

const addressOf = (context: Context.Context<HttpServer>) =>
  new URL(formatAddress(Context.get(context, HttpServer).address))

describe("HttpLayer", () => {
  it.live("listens on loopback while its scope is open, and cuts a request that never becomes complete", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { hostname, port } = addressOf(yield* Layer.buildWithScope(listening(0), scope))
      assert.strictEqual(hostname, "127.0.0.1")
      const socket = Net.connect({ host: hostname, port: Number(port) })
      const closed = new Promise<void>((resolve) => {
        socket.on("error", () => {})
        socket.once("close", () => resolve())
      })
      // the answer to the first request proves that the second has been begun on the server's side
      yield* Effect.callback<void>((resume) => {
        socket.once("data", () => resume(Effect.void))
        socket.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /livez HTTP/1.1\r\n")
      })
      yield* Effect.timeout(Scope.close(scope, Exit.void), "2 minutes")
      yield* Effect.timeout(
        Effect.promise(() => closed),
        "2 minutes"
      )
    })
  )

  it.live(
    "ends streams with a last message when its scope closes, promptly, however many are open",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { origin } = addressOf(yield* Layer.buildWithScope(listening(0), scope))
        const streams = yield* Effect.forEach([1, 2, 3], () => openStream(origin))
        for (const stream of streams) yield* stream.message("status")
        streams[2]?.pause()
        assert.isBelow(yield* elapsed(Scope.close(scope, Exit.void)), 1000)
        for (const stream of streams.slice(0, 2)) {
          assert.isTrue(yield* stream.ended)
          assert.deepStrictEqual(stream.messages.at(-1), { name: "bye", data: { reason: "shutdown" } })
        }
      }).pipe(Effect.scoped),
    timed
  )

  it.live("names HTTP_PORT when the port is in use", () =>
    Effect.gen(function* () {
      const { port } = addressOf(yield* Layer.build(listening(0)))
      const error = yield* Effect.flip(Layer.build(listening(Number(port))))
      assert.deepInclude(error, { _tag: "OperationsServerError", code: "EADDRINUSE", port: Number(port) })
      assert.include(error.message, "HTTP_PORT")
    }).pipe(Effect.scoped)
  )
})
