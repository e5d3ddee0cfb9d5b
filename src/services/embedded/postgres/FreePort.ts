/** A free TCP port on the loopback address, outside the range of outgoing connections. */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

/** The address of the embedded server, FakeSupavisor and the fault proxy. */
export const loopbackHost = "127.0.0.1"

// Above common services (5432, 6543, 8080 and so on).
const lowestPort = 20_000
// Linux uses 32768-60999 and macOS 49152-65535 for outgoing connections (ip(7), ip_local_port_range). A client that
// redials while the server is down could take a port of that range, or connect to itself.
const highestPort = 32_767
// With 12768 candidates, fifty failures in a row have another cause; the system then chooses the port.
const maxAttempts = 50

/** Binds a port on the loopback address for a moment and returns it; 0 lets the system choose. */
const bindOnce = (port: number): Effect.Effect<number, Error> =>
  Effect.callback<number, Error>((resume) => {
    const server = Net.createServer()
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen({ host: loopbackHost, port, exclusive: true }, () => {
      const address = server.address()
      const bound = typeof address === "object" && address !== null ? address.port : port
      server.close(() => resume(Effect.succeed(bound)))
    })
    return Effect.sync(() => server.close())
  })

/** A port that was free a moment ago; callers retry on a conflict. Fails with the system's error when there is none. */
export const freePort: Effect.Effect<number, Error> = Effect.suspend(() =>
  bindOnce(lowestPort + Math.floor(Math.random() * (highestPort - lowestPort + 1)))
).pipe(
  Effect.retry({ times: maxAttempts }),
  Effect.catch(() => bindOnce(0))
)
