import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { createHook } from "node:async_hooks"
import * as Scope from "effect/Scope"
import { FaultMode, FaultProxy } from "../../src/testing/FaultProxy.ts"
import { echoServer } from "./fault-proxy/EchoServer.ts"
import { echoThroughProxy } from "./fault-proxy/EchoThroughProxy.ts"
import type { PlainClient } from "./fault-proxy/PlainClient.ts"
import { connectTo } from "./fault-proxy/PlainClient.ts"

/** Counts the running timers that code below a folder has set since now; other files share this process. */
const timersOf = (folder: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const running = new Set<number>()
        const hook = createHook({
          init: (id, type) => {
            if (type === "Timeout" && new Error(type).stack?.includes(folder)) running.add(id)
          },
          destroy: (id) => running.delete(id)
        }).enable()
        return { hook, running }
      }),
      ({ hook }) => Effect.sync(() => hook.disable())
    ),
    ({ running }) =>
      () =>
        running.size
  )

describe("FaultProxy", () => {
  it.live("passes bytes both ways and counts connections and bytes", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy()
      const first = yield* connect
      const second = yield* connect
      first.socket.write("hello")
      yield* first.untilReceived("hello")
      yield* proxy.awaitOpen(2)
      first.socket.end()
      assert.strictEqual(yield* first.end, "closed")
      yield* proxy.awaitOpen((open) => open === 1)
      assert.deepStrictEqual([yield* proxy.accepted, proxy.open(), proxy.maxOpen()], [2, 1, 2])
      yield* proxy.resetOpenCounters
      assert.deepStrictEqual([yield* proxy.accepted, proxy.open(), proxy.maxOpen()], [0, 1, 1])
      second.socket.write("bytes")
      yield* second.untilReceived("bytes")
      const connection = proxy.connections().find(({ id }) => id === 2)
      assert.deepStrictEqual(connection?.bytes, { fromClient: 5, toServer: 5, fromServer: 5, toClient: 5 })
    })
  )

  it.live("refuses new connections while existing ones go on, and accepts on the same port again", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy()
      const existing = yield* connect
      yield* proxy.awaitOpen(1)
      yield* proxy.setMode(FaultMode.refuse)
      assert.strictEqual(yield* (yield* connect).end, "ECONNREFUSED")
      existing.socket.write("on")
      yield* existing.untilReceived("on")
      yield* proxy.setMode(FaultMode.pass)
      const late = yield* connect
      late.socket.write("again")
      yield* late.untilReceived("again")
    })
  )

  it.live("counts a client that gives up on a stalled connection as closed", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy({ mode: FaultMode.stallAccept })
      const client = yield* connect
      yield* proxy.awaitOpen(1)
      client.socket.destroy()
      yield* proxy.awaitOpen(0)
      assert.strictEqual(proxy.maxOpen(), 1)
    })
  )

  it.live("cuts all existing connections by reset or in order, and accepts new ones", () =>
    Effect.gen(function* () {
      const { connect, echo, proxy } = yield* echoThroughProxy()
      for (const [how, ending] of [
        ["reset", "ECONNRESET"],
        ["end", "closed"]
      ] as const) {
        const clients = [yield* connect, yield* connect]
        yield* proxy.awaitOpen(2)
        yield* proxy.cutAll(how)
        for (const client of clients) assert.strictEqual(yield* client.end, ending)
        yield* proxy.awaitOpen(0)
        yield* Effect.sync(() => echo.sockets.size).pipe(Effect.repeat({ until: (open) => open === 0 }))
      }
      const late = yield* connect
      late.socket.write("new")
      yield* late.untilReceived("new")
    })
  )

  it.live("gives each connection its own mode and controls", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy({
        onAccept: ({ id }) => (id === 2 ? FaultMode.reset : undefined)
      })
      const first = yield* connect
      yield* proxy.awaitAccepted(1)
      const second = yield* connect
      assert.strictEqual(yield* second.end, "ECONNRESET")
      const third = yield* connect
      yield* proxy.awaitAccepted(3)
      const [one, three] = proxy.connections()
      one?.blackhole()
      three?.inject(Buffer.from("hi"))
      yield* third.untilReceived("hi")
      first.socket.write("a")
      assert.isTrue(yield* first.staysSilent)
      one?.setMode(FaultMode.pass)
      yield* first.untilReceived("a")
      one?.reset()
      assert.strictEqual(yield* first.end, "ECONNRESET")
      three?.end()
      assert.strictEqual(yield* third.end, "closed")
    })
  )

  it.live("closes the server's side of a client that was reset, after a black hole only once healed", () =>
    Effect.gen(function* () {
      const { connect, echo, proxy } = yield* echoThroughProxy()
      const serverSidesClosed = Effect.sync(() => echo.sockets.size).pipe(
        Effect.repeat({ until: (open) => open === 0 })
      )
      for (const mode of [FaultMode.pass, FaultMode.blackhole()]) {
        const client = yield* connect
        client.socket.write("x")
        yield* client.untilReceived("x")
        yield* proxy.setMode(mode)
        client.socket.resetAndDestroy()
        yield* proxy.awaitOpen(0)
        if (mode._tag === "Blackhole") {
          assert.strictEqual(echo.sockets.size, 1)
          yield* proxy.setMode(FaultMode.pass)
        }
        yield* serverSidesClosed
      }
    })
  )

  it.live("resets its client when the target cannot be reached", () =>
    Effect.gen(function* () {
      const { connect, echo } = yield* echoThroughProxy()
      yield* Effect.callback<void>((resume) => void echo.server.close(() => resume(Effect.void)))
      assert.strictEqual(yield* (yield* connect).end, "ECONNRESET")
    })
  )

  it.live("leaves no socket, no timer and no listener behind when its scope closes", () =>
    Effect.gen(function* () {
      const timers = yield* timersOf("/src/testing/fault-proxy/")
      const echo = yield* echoServer
      const scope = yield* Scope.make()
      const proxy = yield* FaultProxy.make({ target: { host: "127.0.0.1", port: echo.port } }).pipe(
        Scope.provide(scope)
      )
      const modes = [
        FaultMode.pass,
        FaultMode.blackhole({ bytes: "drop" }),
        FaultMode.delay({ toServerMillis: 60_000 })
      ]
      const clients: Array<PlainClient> = []
      for (const mode of [...modes, FaultMode.stallAccept]) {
        yield* proxy.setMode(mode, { existing: false })
        const client = yield* connectTo(proxy.port)
        clients.push(client)
        yield* proxy.awaitAccepted(clients.length)
        client.socket.write("x")
      }
      yield* clients[0]?.untilReceived("x") ?? Effect.void
      yield* Effect.sync(timers).pipe(Effect.repeat({ until: (running) => running > 0 }))
      yield* Scope.close(scope, Exit.void)
      for (const client of clients) yield* client.end
      assert.deepStrictEqual(proxy.connections(), [])
      assert.strictEqual(yield* (yield* connectTo(proxy.port)).end, "ECONNREFUSED")
      assert.strictEqual(timers(), 0)
    })
  )
})
