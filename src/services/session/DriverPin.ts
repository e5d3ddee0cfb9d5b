/**
 * Who uses the driver of a session: streams, listeners, and statements beside them.
 *
 * All who listen share one pin of the driver's connection, because the driver would have the second wait for the first.
 * Whoever comes while it is pinned keeps the pin, too: a driver that is unpinned with a statement on its way ends the
 * session.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type * as Context from "effect/Context"
import type { PgConnection, Notification, Row } from "@effect/sql-pg/PgConnection"
import type { WireOwnership } from "./WireOwnership.ts"
import type * as Queue from "effect/Queue"
import type { SqlError } from "effect/sql/SqlError"
import * as Channel from "effect/Channel"
import * as Stream from "effect/Stream"

/**
 * A stream whose end does not wait for the driver.
 *
 * A driver's stream that is left early drains the statement inside its finalizer, seconds long on a silent peer, and
 * uninterruptible. Here the driver's part lives in a scope of its own, which is closed in the background: the consumer
 * goes at once, the session settles, and the pool sees when it has.
 */
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

/**
 * LISTEN whose end does not wait for the driver.
 *
 * The driver asks UNLISTEN when the scope closes, and also when LISTEN itself is left early, uninterruptibly: on a
 * silent peer for ever. Here its part lives in a scope of its own, which is closed in the background.
 */
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

/** The pin under way or held, and how many need it. */
interface Pin {
  readonly scope: Scope.Closeable
  readonly fiber: Fiber.Fiber<void>
  users: number
}

export class DriverPin {
  /** The driver's connection, or its pinned view. */
  connection: PgConnection
  private readonly driver: PgConnection
  private readonly share: WireOwnership
  private readonly context: Context.Context<never>
  private pin: Pin | undefined = undefined

  constructor(driver: PgConnection, share: WireOwnership, context: Context.Context<never>) {
    this.connection = this.driver = driver
    this.share = share
    this.context = context
  }

  /** Lets the driver speak until what is returned is called. */
  acquire(): () => void {
    const { pin } = this
    if (pin !== undefined) pin.users++
    this.share.acquireDriver()
    return () => {
      if (pin !== undefined) this.unpin(pin)
      this.share.releaseDriver()
    }
  }

  /** Keeps the connection pinned until the scope closes. */
  readonly pinned: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() =>
    Effect.flatMap(
      Effect.acquireRelease(
        Effect.sync(() => {
          const pin = (this.pin ??= this.startPin())
          pin.users++
          return pin
        }),
        (pin) => Effect.sync(() => this.unpin(pin))
      ),
      ({ fiber }) => Fiber.join(fiber)
    )
  )

  private startPin(): Pin {
    const scope = Scope.makeUnsafe()
    this.share.acquireDriver()
    const fiber = Effect.runForkWith(this.context)(
      Effect.map(Scope.provide(this.driver.pin, scope), (pinned) => {
        this.connection = pinned
      })
    )
    return { scope, fiber, users: 0 }
  }

  private unpin(pin: Pin): void {
    if (--pin.users > 0) return
    this.pin = undefined
    this.connection = this.driver
    Effect.runForkWith(this.context)(
      Fiber.interrupt(pin.fiber).pipe(
        Effect.andThen(Scope.close(pin.scope, Exit.void)),
        Effect.ensuring(Effect.sync(() => this.share.releaseDriver()))
      )
    )
  }
}
