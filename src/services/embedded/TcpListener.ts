/** A listening socket that can be closed and reopened on the same port. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Net from "node:net"
import { freePort, loopbackHost } from "./postgres/FreePort.ts"

// A free port may be taken before it is bound; each attempt chooses another one.
const maxPortConflicts = 10

const listen = (port: number, onConnection: (socket: Net.Socket) => void): Effect.Effect<Net.Server, Error> =>
  Effect.callback<Net.Server, Error>((resume) => {
    const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, onConnection)
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen({ host: loopbackHost, port, exclusive: true }, () => resume(Effect.succeed(server)))
    return Effect.sync(() => server.close())
  })

/** Listens on a free port of 127.0.0.1. */
export const make = Effect.fnUntraced(function* (onConnection: (socket: Net.Socket) => void) {
  const first = yield* freePort.pipe(
    Effect.flatMap((port) => Effect.map(listen(port, onConnection), (server) => ({ port, server }))),
    Effect.retry(Schedule.recurs(maxPortConflicts))
  )
  let server: Net.Server | undefined = first.server
  return {
    port: first.port,
    /** Listens again; does nothing when it listens already. Fails when the port was taken meanwhile. */
    open: Effect.suspend(() =>
      server === undefined
        ? Effect.map(listen(first.port, onConnection), (opened) => {
            server = opened
          })
        : Effect.void
    ).pipe(Effect.uninterruptible),
    /** Stops listening at once; accepted connections stay open. */
    close: Effect.sync(() => {
      server?.close()
      server = undefined
    })
  }
})
