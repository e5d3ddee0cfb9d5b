/** A TCP server that echoes every chunk and keeps a copy. */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

export interface EchoServer {
  readonly server: Net.Server
  readonly port: number
  readonly sockets: ReadonlySet<Net.Socket>
  /** All text that arrived, over all connections; may be set back to "". */
  received: string
}

export const echoServer = Effect.acquireRelease(
  Effect.callback<EchoServer>((resume) => {
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((socket) => {
      sockets.add(socket)
      socket.on("data", (chunk) => {
        echo.received += chunk.toString()
        socket.write(chunk)
      })
      socket.on("error", () => socket.destroy())
      socket.on("close", () => sockets.delete(socket))
    })
    const echo = { server, port: 0, sockets, received: "" }
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      echo.port = (server.address() as Net.AddressInfo).port
      resume(Effect.succeed(echo))
    })
  }),
  ({ server, sockets }) =>
    Effect.callback<void>((resume) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resume(Effect.void))
    })
)
