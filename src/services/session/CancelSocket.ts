/**
 * A CancelRequest on a connection of its own.
 *
 * The driver asks for a plain duplex stream to write the request to; behind it a wire is opened the same way as the
 * session's (same address family, same TLS), the request is written once it stands, and the stream closes when the
 * server has hung up, which is all the answer there is (PostgreSQL docs, "Canceling Requests in Progress").
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Net from "node:net"
import { Duplex } from "node:stream"
import { type Endpoint, open } from "../wire/Transport.ts"

/** A cancel that takes longer than this has missed its statement; the session is closed instead. */
const CANCEL_MILLIS = 5000

/** Waits until the other side has hung up; interrupted, it is left. */
export const closed = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    return Effect.sync(() => socket.destroy())
  })

/** Delivers one request and waits, bounded, until the server has taken it. Never fails: a cancel is best effort. */
export const deliver = (endpoint: Endpoint, request: Uint8Array): Effect.Effect<void> =>
  open(endpoint).pipe(
    Effect.flatMap((wire) => {
      wire.socket.write(request)
      return closed(wire.socket)
    }),
    Effect.timeoutOption(CANCEL_MILLIS),
    Effect.ignore
  )

/** The duplex the driver writes its request to. */
export const cancelStream = (endpoint: Endpoint, run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>): Duplex => {
  let fiber: Fiber.Fiber<void> | undefined
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      done()
      fiber = run(
        Effect.ensuring(
          deliver(endpoint, chunk),
          Effect.sync(() => stream.destroy())
        )
      )
    },
    destroy: (_error, done) => {
      if (fiber !== undefined) fiber.interruptUnsafe()
      done(null)
    }
  })
  return stream
}
