/**
 * Ends statements whose caller has left.
 *
 * An empty statement (ping) sent behind them shows when the connection is free. If that takes longer than a short grace
 * time, a CancelRequest is sent. Then the session is kept only if the server reports that it cancelled that very
 * statement: otherwise the request may still be on its way and would hit the next one (Supavisor's issue 1148 is one way
 * this happens). A pooler gives the backend of a closed session to its next client, so a request on its way is waited
 * for before the session is closed.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { type Endpoint, open } from "../wire/Transport.ts"
import type { WireTap } from "../wire/WireTap.ts"
import type * as Net from "node:net"
import { Duplex } from "node:stream"

/** Delivery of one CancelRequest; the session is closed when it takes longer. */
const CANCEL_MILLIS = 5000

/**
 * An interrupted statement gets this long to end by itself before a cancel is sent for it: most are about to end, and a
 * cancel that comes too late costs the session.
 */
export const GRACE_MILLIS = 10

/** How long a cancelled statement may take to stop before the session is closed. */
export const STOP_MILLIS = 5000

/**
 * How long the server may take to close the connection of a CancelRequest. It signals the backend and then its process
 * group (PostgreSQL source, postmaster.c, signal_child), so a statement may stop before the last signal arrives.
 */
const SERVER_CLOSE_MILLIS = 1000

/**
 * Supavisor closes the connection before it has forwarded a request (its issue 1148); this is the largest distance from
 * its database. A session closed at once would pass the cancel on to the pooler's next client.
 */
const FORWARD_MILLIS = 50

/** Counts cleanups in progress: later statements of the session wait until all of them have finished. */
export class PendingCleanup {
  private pending: Deferred.Deferred<void> | undefined = undefined
  private count = 0

  get isPending(): boolean {
    return this.pending !== undefined
  }

  /** Waits until no cleanup is in progress. */
  readonly finished: Effect.Effect<void> = Effect.suspend(() =>
    this.pending === undefined ? Effect.void : Effect.andThen(Deferred.await(this.pending), this.finished)
  )

  /** Starts a cleanup; the returned function ends it. */
  begin(): () => void {
    this.count++
    const pending = (this.pending ??= Deferred.makeUnsafe<void>())
    return () => {
      if (--this.count > 0) return
      this.pending = undefined
      Deferred.doneUnsafe(pending, Effect.void)
    }
  }
}

/** Waits until the peer has closed the connection; an interruption destroys the socket. */
export const socketClosed = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    return Effect.sync(() => socket.destroy())
  })

/** Sends one CancelRequest and waits, bounded, until the server has taken it. Never fails: a cancel is best effort. */
const sendCancelRequest = (endpoint: Endpoint, request: Uint8Array): Effect.Effect<void> =>
  open(endpoint).pipe(
    Effect.flatMap((wire) => {
      wire.socket.write(request)
      return socketClosed(wire.socket)
    }),
    Effect.timeoutOption(CANCEL_MILLIS),
    Effect.ignore
  )

/** The duplex stream that the driver writes its own CancelRequest to. */
export const cancelStream = (endpoint: Endpoint, run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>): Duplex => {
  let fiber: Fiber.Fiber<void> | undefined
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      done()
      fiber = run(
        Effect.ensuring(
          sendCancelRequest(endpoint, chunk),
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

/** Ends the statements in flight; true when the session is safe to use again. Never fails, always bounded. */
export const cancelAndDrain = (parts: {
  /** Succeeds when everything sent before it is answered. */
  readonly ping: Effect.Effect<unknown, unknown>
  readonly endpoint: Endpoint
  readonly tap: WireTap
}): Effect.Effect<boolean> => {
  const { endpoint, tap } = parts
  const cancelledBefore = tap.cancelled
  const request = PgProtocol.encodeCancelRequest({ pid: tap.processId, secret: tap.secretKey })
  const drained = Deferred.makeUnsafe<boolean>()
  const requests: Array<Fiber.Fiber<void>> = []
  const areConfirmed = () => tap.cancelled - cancelledBefore >= requests.length
  // A request ends only the statement that runs. When several are queued, each further one gets a grace time and then
  // a request of its own.
  const cancels = Effect.gen(function* () {
    for (;;) {
      requests.push(yield* Effect.forkDetach(sendCancelRequest(endpoint, request), { startImmediately: true }))
      do yield* Effect.sleep(GRACE_MILLIS)
      while (!areConfirmed())
      yield* Effect.sleep(GRACE_MILLIS)
      if (Deferred.isDoneUnsafe(drained)) return yield* Deferred.await(drained)
    }
  })
  return Effect.gen(function* () {
    const ping = Effect.map(Effect.exit(parts.ping), Exit.isSuccess)
    yield* Effect.forkDetach(Deferred.into(ping, drained), { startImmediately: true })
    const early = yield* Effect.timeoutOption(Deferred.await(drained), GRACE_MILLIS)
    if (early._tag === "Some") return early.value
    const late = yield* Effect.timeoutOption(Effect.raceFirst(Deferred.await(drained), cancels), STOP_MILLIS)
    if (late._tag === "None" || !late.value) return false
    yield* Effect.timeoutOption(Fiber.awaitAll(requests), SERVER_CLOSE_MILLIS)
    if (areConfirmed()) return true
    yield* Effect.sleep(FORWARD_MILLIS)
    return false
  }).pipe(Effect.catchCause(() => Effect.succeed(false)))
}

/** Waits, bounded, until the driver has ended its statement; true when the session is safe to use again. */
export const drainDriver = (end: Effect.Effect<void>, ping: Effect.Effect<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(
    Effect.timeoutOption(Effect.andThen(end, Effect.exit(ping)), STOP_MILLIS),
    (exit) => exit._tag === "Some" && Exit.isSuccess(exit.value)
  )
