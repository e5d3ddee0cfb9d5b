/**
 * Shared use of a session's driver: streams, listeners, and statements beside them.
 *
 * All listeners share one pin of the driver's connection, because the driver makes a second pin wait for the first. A
 * statement that starts while the connection is pinned keeps the pin as well: a driver that is unpinned with a statement
 * in flight ends the session.
 */
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Notification, PgConnection, Row } from "@effect/sql-pg/PgConnection"
import type { WireOwnership } from "./WireOwnership.ts"

/**
 * A stream whose end does not wait for the driver.
 *
 * A driver's stream that is left early drains its statement inside an uninterruptible finalizer, which takes seconds
 * on a silent peer. Here the driver's part has a scope of its own, which is closed in the background: the consumer
 * returns at once, and the pool waits for the session.
 */
export const detachedStream = (
  make: () => Stream.Stream<Row, SqlError>,
  options: {
    readonly onError: (error: SqlError) => Effect.Effect<never, SqlError>
    /** Runs the effect that closes the driver's part; must not wait for it. */
    readonly fork: (close: Effect.Effect<void>) => void
  }
): Stream.Stream<Row, SqlError> =>
  Stream.fromChannel(
    Channel.fromTransform((_upstream, scope) =>
      Effect.gen(function* () {
        const inner = Scope.makeUnsafe()
        yield* Scope.addFinalizerExit(scope, (exit) => Effect.sync(() => options.fork(Scope.close(inner, exit))))
        return yield* Channel.toPullScoped(
          Stream.toChannel(Stream.catch(make(), (error) => Stream.fromEffect(options.onError(error)))),
          inner
        )
      })
    )
  )

type Notifications = Queue.Dequeue<Notification, SqlError>

/**
 * LISTEN whose end does not wait for the driver.
 *
 * The driver sends UNLISTEN when the scope closes, and also when LISTEN itself is interrupted, uninterruptibly: on a
 * silent peer it never returns. Here its part has a scope of its own, which is closed in the background.
 */
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

/** A pin that is being taken or is held, and the number of its users. */
interface Pin {
  readonly scope: Scope.Closeable
  readonly fiber: Fiber.Fiber<void>
  users: number
}

export class DriverPin {
  /** The driver's connection, or its pinned view. */
  connection: PgConnection
  private readonly driver: PgConnection
  private readonly wire: WireOwnership
  private readonly context: Context.Context<never>
  private pin: Pin | undefined = undefined

  constructor(driver: PgConnection, wire: WireOwnership, context: Context.Context<never>) {
    this.connection = this.driver = driver
    this.wire = wire
    this.context = context
  }

  /** Lets the driver use the socket until the returned function is called. */
  acquire(): () => void {
    const { pin } = this
    if (pin !== undefined) pin.users++
    this.wire.acquireDriver()
    return () => {
      if (pin !== undefined) this.unpin(pin)
      this.wire.releaseDriver()
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
    this.wire.acquireDriver()
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
        Effect.ensuring(Effect.sync(() => this.wire.releaseDriver()))
      )
    )
  }
}
