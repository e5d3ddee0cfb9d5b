/** Whether a PostgreSQL server accepts logins. */
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { loopbackHost } from "./FreePort.ts"

// PostgreSQL docs, "Message Formats": protocol 3.0, the user to log in as, and an empty list terminator.
const protocolVersion = 196_608
const parameters = Buffer.from("user\0postgres\0\0")

const startupPacket: Buffer = (() => {
  const packet = Buffer.alloc(8 + parameters.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(protocolVersion, 4)
  parameters.copy(packet, 8)
  return packet
})()

// PostgreSQL docs, "PostgreSQL Error Codes": 57P03 cannot_connect_now, sent while starting up or shutting down.
const cannotConnectNow = "C57P03\0"
// A server on this machine answers within a millisecond; a second covers a machine under heavy load.
const answerDeadlineMillis = 1000

/**
 * Whether a server on 127.0.0.1 requests authentication, or refuses for a reason other than starting up.
 *
 * Never fails: no listener, no reply for a second, and 57P03 all mean "not ready".
 */
export const acceptsLogins = (port: number): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const socket = Net.connect({ host: loopbackHost, port })
    const answer = (ready: boolean) => {
      socket.destroy()
      resume(Effect.succeed(ready))
    }
    socket.setTimeout(answerDeadlineMillis, () => answer(false))
    socket.once("error", () => answer(false))
    socket.once("close", () => answer(false))
    socket.once("connect", () => socket.write(startupPacket))
    socket.once("data", (chunk) => {
      const type = String.fromCharCode(chunk[0] ?? 0)
      answer(type === "R" || (type === "E" && !chunk.includes(cannotConnectNow)))
    })
    return Effect.sync(() => socket.destroy())
  })
