/** An echo server with a fault proxy in front of it, and a way to connect through it. */
import * as Effect from "effect/Effect"
import type { FaultProxyOptions } from "../../../src/testing/FaultProxy.ts"
import { FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { echoServer } from "./EchoServer.ts"
import { connectTo } from "./PlainClient.ts"

export const echoThroughProxy = Effect.fnUntraced(function* (options: Omit<FaultProxyOptions, "target"> = {}) {
  const echo = yield* echoServer
  const proxy = yield* FaultProxy.make({ ...options, target: { host: "127.0.0.1", port: echo.port } })
  return { echo, proxy, connect: connectTo(proxy.port) }
})
