/**
 * A stream whose end does not wait for the driver.
 *
 * A driver's stream that is left early drains the statement inside its finalizer, seconds long on a silent peer, and
 * uninterruptible. Here the driver's part lives in a scope of its own, which is closed in the background: the consumer
 * goes at once, the session settles, and the pool sees when it has.
 */
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Row } from "@effect/sql-pg/PgConnection"

export const detachedStream = (
  make: () => Stream.Stream<Row, SqlError>,
  options: {
    /** What the stream has to wait for. */
    readonly ready: Effect.Effect<void>
    readonly mapError: (error: SqlError) => SqlError
    /** Runs the effect that closes the driver's part; must not wait for it. */
    readonly fork: (close: Effect.Effect<void>) => void
  }
): Stream.Stream<Row, SqlError> =>
  Stream.fromChannel(
    Channel.fromTransform((_upstream, scope) =>
      Effect.gen(function* () {
        const inner = Scope.makeUnsafe()
        yield* Scope.addFinalizerExit(scope, (exit) => Effect.sync(() => options.fork(Scope.close(inner, exit))))
        yield* options.ready
        return yield* Channel.toPullScoped(Stream.toChannel(Stream.mapError(make(), options.mapError)), inner)
      })
    )
  )
