/** The borrower's path: take, or wait in turn, and give back exactly once. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Borrower } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import type { SessionError } from "../errors/SessionError.ts"
import { toSqlError, isUnread, UNREAD_RETRIES } from "../errors/SqlErrors.ts"
import type { Session } from "../session/Session.ts"
import { holderName, type Lease } from "./core/Lease.ts"
import { LeasedSession, type Reacquire } from "./LeasedSession.ts"
import type { PoolHost } from "./PoolHost.ts"

/** Puts a refusal of the pool into the borrower's words. */
export type MapError<X> = (error: SessionError) => X

/** A refusal in the words of Effect SQL. */
export const acquireSqlError: MapError<SqlError> = (error) => toSqlError(error, "acquire")

/**
 * Runs an effect with a lease of its own, given back whatever happens. The session is taken inside what the giving back
 * protects: an interruption in between finds the lease either without a session or over.
 */
const withLease = <A, E, R>(
  host: PoolHost,
  run: (lease: LeasedSession) => Effect.Effect<A, E, R>,
  after?: () => Effect.Effect<void> | undefined
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const lease = new LeasedSession(host, fiber)
    return Effect.onExitPrimitive(
      Effect.suspend(() => run(lease)),
      () => {
        release(host, lease, host.now())
        return after?.()
      }
    )
  })

/** Lends a session for one effect. */
export const useSession =
  <X>(host: PoolHost, refuse: MapError<X>) =>
  <A, E, R>(f: (session: LeasedSession) => Effect.Effect<A, E, R>): Effect.Effect<A, E | X, R> =>
    withLease<A, E | X, R>(host, (lease) =>
      host.core.tryAcquire(lease, host.now()) ? f(lease) : waitForSession(host, lease, refuse, f)
    )

/**
 * Lends a session for one effect, failing in the words of Effect SQL. What is to be done `after` is asked for when the
 * session was given back, and cannot be interrupted.
 */
export type UseForTransaction = <A, E, R>(
  f: (session: LeasedSession) => Effect.Effect<A, E, R>,
  after?: () => Effect.Effect<void> | undefined
) => Effect.Effect<A, E | SqlError, R>

/** Lends a session for one transaction, which may begin on another one when the first turns out to have ended. */
export const useForTransaction =
  (host: PoolHost): UseForTransaction =>
  <A, E, R>(f: (session: LeasedSession) => Effect.Effect<A, E, R>, after?: () => Effect.Effect<void> | undefined) =>
    withLease<A, E | SqlError, R>(
      host,
      (lease) => {
        lease.reacquire = reacquire
        return host.core.tryAcquire(lease, host.now()) ? f(lease) : waitForSession(host, lease, acquireSqlError, f)
      },
      after
    )

/** Lends an idle session for one effect if there is one, and else says so at once. */
export const tryUseSession =
  (host: PoolHost) =>
  <A, E, R>(f: (session: LeasedSession) => Effect.Effect<A, E, R>): Effect.Effect<Option.Option<A>, E, R> =>
    withLease(host, (lease) =>
      host.core.tryAcquireSilent(lease, host.now()) ? Effect.asSome(f(lease)) : Effect.succeedNone
    )

/** Runs an effect again when it was not read. */
const retryNeverExecuted = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  retries = UNREAD_RETRIES
): Effect.Effect<A, E, R> =>
  Effect.catch(effect, (error) =>
    retries > 0 && isUnread(error) ? retryNeverExecuted(effect, retries - 1) : Effect.fail(error)
  )

/** Lends a session for one statement outside of transactions, in the words of Effect SQL. */
export const makeBorrower = (host: PoolHost): Borrower => {
  const once = useSession(host, acquireSqlError)
  return (f) => retryNeverExecuted(once(f))
}

/**
 * Lends a session until the scope closes. The giving back is bound to the scope before there is anything to give, so an
 * interruption of the wait leaves nothing behind.
 */
export const reserve = <X>(host: PoolHost, refuse: MapError<X>): Effect.Effect<LeasedSession, X, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber<LeasedSession, X, Scope.Scope>((fiber) => {
      const lease = new LeasedSession(host, fiber)
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
            : restore(waitForSession(host, lease, refuse, Effect.succeed))
      )
    })
  )

/** Gives the session of a lease back and waits for another one. */
const reacquire: Reacquire = (host, lease) =>
  Effect.suspend(() => {
    release(host, lease, host.now())
    lease.state = "new"
    if (host.core.tryAcquire(lease, host.now())) return Effect.void
    return Effect.onInterrupt(
      waitForSession(host, lease, acquireSqlError, () => Effect.void),
      // Later, it would get a session that knows nothing of what the lease was for.
      () => Effect.sync(() => release(host, lease, host.now()))
    )
  })

/**
 * Waits for a session and goes on with it. Nothing has to be undone here: whoever is interrupted while waiting gives the
 * lease back, wherever it stands.
 */
const waitForSession = <A, E, R, X>(
  host: PoolHost,
  lease: LeasedSession,
  refuse: MapError<X>,
  f: (session: LeasedSession) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | X, R> =>
  Effect.callback<A, E | X, R>((resume) => {
    lease.onWake = (refusal) =>
      resume(refusal === undefined ? Effect.suspend(() => f(lease)) : Effect.fail(refuse(refusal)))
    const now = host.now()
    const deadline = now + host.acquireMillis
    const refused = host.core.enqueue(lease, now, deadline)
    if (refused === undefined) host.armForWaiter(deadline, now)
    else resume(Effect.fail(refuse(refused)))
  })

/** Ends a lease, whatever has become of it. */
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
