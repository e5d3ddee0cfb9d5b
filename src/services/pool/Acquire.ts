/** The ways to use a session: acquire an idle one or wait in the queue, then release it exactly once. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Borrower } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import type { SessionError } from "../errors/SessionError.ts"
import { toSqlError, isNeverExecuted, NEVER_EXECUTED_RETRIES } from "../errors/SqlErrors.ts"
import type { Session } from "../session/Session.ts"
import { holderName, type Lease } from "./core/Lease.ts"
import { SessionLease, type Reacquire } from "./SessionLease.ts"
import type { PoolHost } from "./PoolHost.ts"

/** Maps the error of an acquire to the caller's error type. */
type MapError<X> = (error: SessionError) => X

export const acquireSqlError: MapError<SqlError> = (error) => toSqlError(error, "acquire")

export const useSession =
  <X>(host: PoolHost, mapError: MapError<X>) =>
  <A, E, R>(f: (session: SessionLease) => Effect.Effect<A, E, R>): Effect.Effect<A, E | X, R> =>
    withLease<A, E | X, R>(host, (lease) =>
      host.core.tryAcquire(lease, host.now()) ? f(lease) : waitForSession(host, lease, mapError, f)
    )

/**
 * Uses a session for one transaction; fails with `SqlError`. `after` is called once the session has been released, and
 * its effect cannot be interrupted.
 */
export type UseForTransaction = <A, E, R>(
  f: (session: SessionLease) => Effect.Effect<A, E, R>,
  after?: () => Effect.Effect<void> | undefined
) => Effect.Effect<A, E | SqlError, R>

/** The transaction may begin on another session when the first one turns out to have ended. */
export const useForTransaction =
  (host: PoolHost): UseForTransaction =>
  <A, E, R>(f: (session: SessionLease) => Effect.Effect<A, E, R>, after?: () => Effect.Effect<void> | undefined) =>
    withLease<A, E | SqlError, R>(
      host,
      (lease) => {
        lease.reacquire = reacquire
        return host.core.tryAcquire(lease, host.now()) ? f(lease) : waitForSession(host, lease, acquireSqlError, f)
      },
      after
    )

/** Uses an idle session for one effect if there is one, else returns `None` at once. */
export const tryUseSession =
  (host: PoolHost) =>
  <A, E, R>(f: (session: SessionLease) => Effect.Effect<A, E, R>): Effect.Effect<Option.Option<A>, E, R> =>
    withLease(host, (lease) =>
      host.core.tryAcquireSilent(lease, host.now()) ? Effect.asSome(f(lease)) : Effect.succeedNone
    )

/** Uses a session for one statement outside of transactions, which is retried when the server never executed it. */
export const makeBorrower = (host: PoolHost): Borrower => {
  const once = useSession(host, acquireSqlError)
  return (f) => retryNeverExecuted(once(f), NEVER_EXECUTED_RETRIES)
}

const retryNeverExecuted = <A, E, R>(effect: Effect.Effect<A, E, R>, retries: number): Effect.Effect<A, E, R> =>
  Effect.catch(effect, (error) =>
    retries > 0 && isNeverExecuted(error) ? retryNeverExecuted(effect, retries - 1) : Effect.fail(error)
  )

/** The finalizer is added before the acquire, so an interrupted wait leaves nothing behind. */
export const reserve = <X>(host: PoolHost, mapError: MapError<X>): Effect.Effect<SessionLease, X, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber<SessionLease, X, Scope.Scope>((fiber) => {
      const lease = new SessionLease(host, fiber)
      lease.reacquire = reacquire
      const scope = Context.getUnsafe(fiber.context, Scope.Scope)
      return Effect.flatMap(
        Scope.addFinalizer(
          scope,
          Effect.sync(() => release(host, lease, host.now()))
        ),
        () =>
          host.core.tryAcquire(lease, host.now())
            ? Effect.succeed(lease)
            : restore(waitForSession(host, lease, mapError, Effect.succeed))
      )
    })
  )

const reacquire: Reacquire = (host, lease) =>
  Effect.suspend(() => {
    release(host, lease, host.now())
    lease.state = "new"
    if (host.core.tryAcquire(lease, host.now())) return Effect.void
    return Effect.onInterrupt(
      waitForSession(host, lease, acquireSqlError, () => Effect.void),
      // Otherwise the wait would later acquire a session that no caller uses.
      () => Effect.sync(() => release(host, lease, host.now()))
    )
  })

/** Acquires inside the protected part: an interruption finds the lease without a session or over, and releases it. */
const withLease = <A, E, R>(
  host: PoolHost,
  run: (lease: SessionLease) => Effect.Effect<A, E, R>,
  after?: () => Effect.Effect<void> | undefined
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const lease = new SessionLease(host, fiber)
    return Effect.onExitPrimitive(
      Effect.suspend(() => run(lease)),
      () => {
        release(host, lease, host.now())
        return after?.()
      }
    )
  })

/** Waits for a session, then runs `f`. An interrupted wait needs no cleanup here: the caller releases the lease. */
const waitForSession = <A, E, R, X>(
  host: PoolHost,
  lease: SessionLease,
  mapError: MapError<X>,
  f: (session: SessionLease) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | X, R> =>
  Effect.callback<A, E | X, R>((resume) => {
    lease.onWake = (error) =>
      resume(error === undefined ? Effect.suspend(() => f(lease)) : Effect.fail(mapError(error)))
    const now = host.now()
    const deadline = now + host.acquireMillis
    const error = host.core.enqueue(lease, now, deadline)
    if (error === undefined) host.armForWaiter(deadline, now)
    else resume(Effect.fail(mapError(error)))
  })

/** Ends a lease in any state. */
export const release = (host: PoolHost, lease: Lease<Session>, now: number): void => {
  const session = lease.slot?.session
  if (lease.leakReported && session !== undefined) {
    host.publish({
      _tag: "LeakReturned",
      sessionId: session.info.id,
      holder: holderName(lease.holder),
      heldMillis: now - lease.since
    })
  }
  host.core.release(lease, now)
}
