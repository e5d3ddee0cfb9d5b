/** A TCP connection to one address, and how long it takes to get one. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

/** A socket between two owners must not crash the process; its `close` tells the rest. */
const ignore = (): void => {}

/** Connects to an address; the socket is destroyed when the scope closes. Fails with Node's error. */
export const connectTcp = (address: string, port: number): Effect.Effect<Net.Socket, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket, unknown>((resume) => {
      const socket = Net.connect({ host: address, port, noDelay: true })
      const onError = (cause: Error) => resume(Effect.fail(cause))
      socket.once("error", onError)
      socket.once("connect", () => {
        socket.off("error", onError)
        socket.on("error", ignore)
        resume(Effect.succeed(socket))
      })
      return Effect.sync(() => {
        socket.on("error", ignore)
        socket.destroy()
      })
    }),
    (socket) => Effect.sync(() => socket.destroy()),
    { interruptible: true }
  )

/** Milliseconds to connect, once; the connection is closed again. */
export const timeTcp = (address: string, port: number, now: () => number): Effect.Effect<number, unknown> =>
  Effect.scoped(
    Effect.suspend(() => {
      const began = now()
      return Effect.map(connectTcp(address, port), () => now() - began)
    })
  )
