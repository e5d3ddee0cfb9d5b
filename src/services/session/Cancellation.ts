/**
 * What becomes of a statement that nobody waits for any more.
 *
 * A ping queued behind it tells when the wire is free. If that takes longer than a short grace, a CancelRequest is
 * sent, and then the session may be kept only when the server said that it cancelled that very statement: otherwise
 * the cancel may still be on its way and would hit the next one (Supavisor's issue 1148 is one way this happens). A
 * pooler lends the server's process of a session that is closed to its next client: what is on its way is waited for.
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

/** What later statements of a session wait for: something that was left early is still being ended. */
export class PendingCleanup {
  private underWay: Deferred.Deferred<void> | undefined = undefined
  private left = 0

  get isPending(): boolean {
    return this.underWay !== undefined
  }

  /** Waits until nothing is being ended any more. */
  readonly finished: Effect.Effect<void> = Effect.suspend(() =>
    this.underWay === undefined ? Effect.void : Effect.andThen(Deferred.await(this.underWay), this.finished)
  )

  /** Has others wait until what is returned was called, for this and for all that began meanwhile. */
  begin(): () => void {
    this.left++
    const underWay = (this.underWay ??= Deferred.makeUnsafe<void>())
    return () => {
      if (--this.left > 0) return
      this.underWay = undefined
      Deferred.doneUnsafe(underWay, Effect.void)
    }
  }
}

/** A cancel that takes longer than this has missed its statement; the session is closed instead. */
const CANCEL_MILLIS = 5000

/** Waits until the other side has hung up; interrupted, it is left. */
export const socketClosed = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    return Effect.sync(() => socket.destroy())
  })

/** Delivers one request and waits, bounded, until the server has taken it. Never fails: a cancel is best effort. */
export const sendCancelRequest = (endpoint: Endpoint, request: Uint8Array): Effect.Effect<void> =>
  open(endpoint).pipe(
    Effect.flatMap((wire) => {
      wire.socket.write(request)
      return socketClosed(wire.socket)
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

/**
 * An interrupted statement gets this long to end by itself before a cancel is sent for it; most are about to, and a
 * cancel that comes too late costs the session.
 */
export const GRACE_MILLIS = 10

/** How long a cancelled statement may take to stop before the session is closed. */
export const STOP_MILLIS = 5000

/**
 * How long the server may take to hang up after a request. It signals the backend and then its process group
 * (PostgreSQL source, postmaster.c, signal_child), so a statement may have stopped while a signal is still to come.
 */
const HANG_UP_MILLIS = 1000

/**
 * Supavisor hangs up before it has passed a request on (its issue 1148); it is that far from its database at most. A
 * session that was left at once would take the cancel along to the pooler's next client.
 */
const PASS_ON_MILLIS = 50

/** Ends the statements in flight; true when the session is free and safe to use again. Never fails, always bounded. */
export const cancelAndDrain = (parts: {
  /** Answered when everything asked before it is. */
  readonly ping: Effect.Effect<unknown, unknown>
  readonly endpoint: Endpoint
  readonly tap: WireTap
}): Effect.Effect<boolean> => {
  const { endpoint, tap } = parts
  const cancelledBefore = tap.cancelled
  const request = PgProtocol.encodeCancelRequest({ pid: tap.processId, secret: tap.secretKey })
  const drained = Deferred.makeUnsafe<boolean>()
  const deliveries: Array<Fiber.Fiber<void>> = []
  const areConfirmed = () => tap.cancelled - cancelledBefore >= deliveries.length
  // Several statements may be in line, and a request ends the one that runs: the next one is for the next, when the
  // wire has not come free in a grace of its own.
  const cancels = Effect.gen(function* () {
    for (;;) {
      deliveries.push(yield* Effect.forkDetach(sendCancelRequest(endpoint, request), { startImmediately: true }))
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
    yield* Effect.timeoutOption(Fiber.awaitAll(deliveries), HANG_UP_MILLIS)
    if (areConfirmed()) return true
    yield* Effect.sleep(PASS_ON_MILLIS)
    return false
  }).pipe(Effect.catchCause(() => Effect.succeed(false)))
}

/** Waits, bounded, until the wire is free after what the driver is to end; true when the session is safe to use. */
export const drainDriver = (end: Effect.Effect<void>, ping: Effect.Effect<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(
    Effect.timeoutOption(Effect.andThen(end, Effect.exit(ping)), STOP_MILLIS),
    (exit) => exit._tag === "Some" && Exit.isSuccess(exit.value)
  )
