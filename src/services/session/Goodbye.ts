/** Leaves the server: Terminate alone after the last answer, then the socket's own end, bounded. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Net from "node:net"

/** How long the server may take to hang up after Terminate before the socket is destroyed. */
const CLOSE_MILLIS = 2000

/** Closes the driver's scope, which writes Terminate, and waits until the socket is closed. */
export const sayGoodbye = (socket: Net.Socket, scope: Scope.Closeable): Effect.Effect<void> => {
  if (socket.closed) return Effect.void
  const closed = Effect.callback<void>((resume) => {
    const done = () => resume(Effect.void)
    // A server that is quick may have hung up while the driver said Terminate.
    if (socket.closed) return resume(Effect.void)
    socket.once("close", done)
    return Effect.sync(() => {
      socket.off("close", done)
    })
  })
  // Reading on is what lets a socket with unread data see the server hang up.
  socket.resume()
  return Scope.close(scope, Exit.void).pipe(
    Effect.andThen(Effect.timeoutOption(closed, CLOSE_MILLIS)),
    Effect.andThen(Effect.sync(() => socket.destroy()))
  )
}
