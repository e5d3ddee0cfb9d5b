/**
 * LISTEN whose end does not wait for the driver.
 *
 * The driver asks UNLISTEN when the scope closes, and also when LISTEN itself is left early, uninterruptibly: on a
 * silent peer for ever. Here its part lives in a scope of its own, which is closed in the background.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { Notification } from "@effect/sql-pg/PgConnection"

type Notifications = Queue.Dequeue<Notification, SqlError>

export const detachedListen = (
  listen: Effect.Effect<Notifications, SqlError, Scope.Scope>,
  /** Runs the effect that closes the driver's part; must not wait for it. */
  fork: (close: Effect.Effect<void>) => void
): Effect.Effect<Notifications, SqlError, Scope.Scope> =>
  Effect.suspend(() => {
    const inner = Scope.makeUnsafe()
    return Effect.acquireRelease(
      Effect.forkDetach(Scope.provide(listen, inner), { startImmediately: true }),
      (fiber, exit) => Effect.sync(() => fork(Effect.andThen(Fiber.interrupt(fiber), Scope.close(inner, exit))))
    ).pipe(Effect.flatMap(Fiber.join))
  })
