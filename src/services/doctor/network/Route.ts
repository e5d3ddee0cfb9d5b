/** Whether this machine knows a way to an address, without sending anything. */
import * as Effect from "effect/Effect"
import * as Dgram from "node:dgram"

/**
 * Asks the kernel for the route: connecting a datagram socket looks it up and chooses the local address, and sends no
 * packet (connect(2)). Succeeds with the local address; fails with ENETUNREACH, EHOSTUNREACH and the like.
 */
export const routeTo = (address: string, family: number, port: number): Effect.Effect<string, unknown> =>
  Effect.callback<string, unknown>((resume) => {
    const socket = Dgram.createSocket(family === 6 ? "udp6" : "udp4")
    let isOpen = true
    const close = () => {
      if (isOpen) socket.close()
      isOpen = false
    }
    const settle = (effect: Effect.Effect<string, unknown>) => {
      close()
      resume(effect)
    }
    socket.once("error", (error) => settle(Effect.fail(error)))
    // Node.js hands a failure to the listener of the success, whatever its type says.
    const onConnect = (error?: Error) =>
      settle(error === undefined ? Effect.succeed(socket.address().address) : Effect.fail(error))
    socket.connect(port, address, onConnect)
    return Effect.sync(close)
  })
