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
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import type { WireShare } from "./WireOwnership.ts"

/** The pin under way or held, and how many need it. */
interface Pin {
  readonly scope: Scope.Closeable
  readonly fiber: Fiber.Fiber<void>
  users: number
}

export class DriverUse {
  /** The driver's connection, or its pinned view. */
  connection: PgConnection
  private readonly driver: PgConnection
  private readonly share: WireShare
  private readonly context: Context.Context<never>
  private pin: Pin | undefined = undefined

  constructor(driver: PgConnection, share: WireShare, context: Context.Context<never>) {
    this.connection = this.driver = driver
    this.share = share
    this.context = context
  }

  /** Lets the driver speak until what is returned is called. */
  enter(): () => void {
    const { pin } = this
    if (pin !== undefined) pin.users++
    this.share.enterDriver()
    return () => {
      if (pin !== undefined) this.unpin(pin)
      this.share.leaveDriver()
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
    this.share.enterDriver()
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
        Effect.ensuring(Effect.sync(() => this.share.leaveDriver()))
      )
    )
  }
}
