import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { echoThroughProxy } from "./EchoThroughProxy.ts"

describe("a fault mode", () => {
  it.live("accepts and stays silent when it stalls, then delivers once healed", () =>
    Effect.gen(function* () {
      const { connect, echo, proxy } = yield* echoThroughProxy({ mode: FaultMode.stallAccept })
      const client = yield* connect
      client.socket.write("late")
      assert.isTrue(yield* client.staysSilent)
      assert.strictEqual(echo.sockets.size, 0)
      yield* proxy.setMode(FaultMode.pass)
      yield* client.untilReceived("late")
    })
  )

  it.live("holds bytes in a black hole and delivers them in order once healed", () =>
    Effect.gen(function* () {
      const { connect, echo, proxy } = yield* echoThroughProxy()
      const client = yield* connect
      client.socket.write("a")
      yield* client.untilReceived("a")
      yield* proxy.setMode(FaultMode.blackhole())
      client.socket.write("b")
      assert.isTrue(yield* client.staysSilent)
      assert.strictEqual(echo.received, "a")
      yield* proxy.setMode(FaultMode.pass)
      yield* client.untilReceived("ab")
    })
  )

  it.live("loses bytes in a dropping black hole and resets what lost some once healed", () =>
    Effect.gen(function* () {
      const { connect, echo, proxy } = yield* echoThroughProxy()
      const client = yield* connect
      const idle = yield* connect
      yield* proxy.awaitOpen(2)
      yield* proxy.setMode(FaultMode.blackhole({ bytes: "drop" }))
      client.socket.write("lost")
      assert.isTrue(yield* client.staysSilent)
      yield* proxy.setMode(FaultMode.pass)
      assert.strictEqual(yield* client.end, "ECONNRESET")
      idle.socket.write("whole")
      yield* idle.untilReceived("whole")
      assert.strictEqual(echo.received, "whole")
    })
  )

  it.live("hides a client's close from the server in a black hole, unless closes are forwarded", () =>
    Effect.gen(function* () {
      const { connect, echo, proxy } = yield* echoThroughProxy()
      const hidden = yield* connect
      hidden.socket.write("a")
      yield* hidden.untilReceived("a")
      yield* proxy.setMode(FaultMode.blackhole({ bytes: "drop" }))
      hidden.socket.end()
      yield* proxy.awaitOpen(0)
      assert.strictEqual(echo.sockets.size, 1)
      yield* proxy.setMode(FaultMode.pass)
      const seen = yield* connect
      seen.socket.write("b")
      yield* seen.untilReceived("b")
      yield* proxy.setMode(FaultMode.blackhole({ closes: "forward" }))
      const [upstream] = [...echo.sockets].slice(-1)
      const closed = Effect.callback<void>((resume) => void upstream?.once("close", () => resume(Effect.void)))
      yield* Effect.all([closed, Effect.sync(() => seen.socket.destroy())], { concurrency: 2 })
    })
  )

  it.live("resets existing and new connections", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy()
      const existing = yield* connect
      yield* proxy.awaitOpen(1)
      yield* proxy.setMode(FaultMode.reset)
      assert.strictEqual(yield* existing.end, "ECONNRESET")
      assert.strictEqual(yield* (yield* connect).end, "ECONNRESET")
      yield* proxy.awaitOpen(0)
    })
  )

  it.live("cuts after exactly the given number of bytes from the server", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy({ mode: FaultMode.afterServerBytes(7, FaultMode.reset) })
      const client = yield* connect
      client.socket.write("hello")
      yield* client.untilReceived("hello")
      client.socket.write("world")
      assert.strictEqual(yield* client.end, "ECONNRESET")
      assert.strictEqual(client.received.toString(), "hellowo")
      assert.strictEqual(proxy.triggered(), 1)
    })
  )

  it.live("delivers all bytes before the cut to a client that reads slowly", () =>
    Effect.gen(function* () {
      const bytes = 12 * 1024 * 1024
      const { connect, proxy } = yield* echoThroughProxy({ mode: FaultMode.afterServerBytes(bytes, FaultMode.end) })
      const client = yield* connect
      client.socket.pause()
      client.socket.write(Buffer.alloc(2 * bytes, "x"))
      assert.isTrue(yield* client.staysSilent)
      client.socket.resume()
      yield* proxy.awaitTriggered()
      yield* client.end
      assert.strictEqual(client.heardBytes, bytes)
    })
  )

  it.live("goes silent at a pattern, with the matching bytes delivered or withheld", () =>
    Effect.gen(function* () {
      const { connect, echo, proxy } = yield* echoThroughProxy()
      for (const [matched, received] of [
        ["forward", "xSTOP"],
        ["withhold", "x"]
      ] as const) {
        echo.received = ""
        yield* proxy.resetOpenCounters
        yield* proxy.setMode(FaultMode.when(FaultMode.contains("STOP"), FaultMode.blackhole(), { matched }))
        const client = yield* connect
        client.socket.write("x")
        yield* client.untilReceived("x")
        client.socket.write("STOP")
        yield* proxy.awaitTriggered()
        assert.isTrue(yield* client.staysSilent)
        assert.strictEqual(echo.received, received)
        yield* proxy.setMode(FaultMode.pass)
        yield* client.untilReceived("xSTOP")
      }
    })
  )

  it.live("injects garbage before the server's first bytes, or at once on an existing connection", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy({ mode: FaultMode.garbage(Buffer.from("!?")) })
      const client = yield* connect
      client.socket.write("a")
      yield* client.untilReceived("!?a")
      yield* proxy.setMode(FaultMode.garbage(Buffer.from("##")))
      yield* client.untilReceived("!?a##")
      client.socket.write("b")
      yield* client.untilReceived("!?a##b")
    })
  )

  it.live("delays each direction", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy()
      const client = yield* connect
      client.socket.write("1")
      yield* client.untilReceived("1")
      for (const mode of [FaultMode.delay({ toServerMillis: 80 }), FaultMode.delay({ toClientMillis: 80 })]) {
        yield* proxy.setMode(mode)
        const before = client.heardBytes
        const started = performance.now()
        client.socket.write("x")
        yield* client.until(() => client.heardBytes > before)
        assert.isAtLeast(performance.now() - started, 79)
      }
    })
  )

  it.live("keeps the order of chunks when the delay jitters", () =>
    Effect.gen(function* () {
      const jitter = [60, 0, 30, 0]
      const { connect, proxy } = yield* echoThroughProxy()
      const client = yield* connect
      yield* proxy.awaitOpen(1)
      yield* proxy.setMode(FaultMode.delay({ toClientMillis: () => jitter.shift() ?? 0 }))
      for (const chunk of ["a", "b", "c", "d"]) proxy.connections()[0]?.inject(Buffer.from(chunk))
      yield* client.untilReceived("abcd")
      assert.deepStrictEqual(jitter, [])
    })
  )

  it.live("slices into segments of one byte without changing a byte", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy({ mode: FaultMode.slice(1) })
      const client = yield* connect
      client.socket.write("abcdefgh")
      yield* client.untilReceived("abcdefgh")
      assert.isAbove(client.chunks.length, 1)
      yield* proxy.setMode(FaultMode.slice(3, 5))
      client.socket.write("ijklmnop")
      yield* client.untilReceived("abcdefghijklmnop")
    })
  )

  it.live("delivers any bytes unchanged through any slice size", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy()
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.uint8Array({ minLength: 1, maxLength: 2000 }),
            fc.integer({ min: 1, max: 700 }),
            (bytes, size) =>
              Effect.runPromise(
                Effect.scoped(
                  Effect.gen(function* () {
                    yield* proxy.setMode(FaultMode.slice(size))
                    const client = yield* connect
                    client.socket.write(bytes)
                    yield* client.until(() => client.heardBytes >= bytes.length)
                    assert.isTrue(client.received.equals(bytes))
                  })
                )
              )
          ),
          { numRuns: 50 }
        )
      )
    })
  )

  it.live("applies backpressure to a sender whose bytes are not read", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* echoThroughProxy({ mode: FaultMode.stallAccept })
      const client = yield* connect
      const flood = Buffer.alloc(24 * 1024 * 1024, "x")
      client.socket.write(flood)
      assert.isTrue(yield* client.staysSilent)
      assert.isAbove(client.socket.writableLength, 0)
      yield* proxy.setMode(FaultMode.pass)
      yield* client.until(() => client.heardBytes === flood.length)
    })
  )
})
