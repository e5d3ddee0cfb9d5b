/** The checks of notifications and of cancel requests. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { advise } from "./Actions.ts"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { factsOf } from "../../errors/catalogue/FailureFacts.ts"
import { socketClosed } from "../../session/Cancellation.ts"
import { scopedWire } from "../network/Sockets.ts"
import { rowsOf } from "./DoctorClient.ts"
import { type CheckFunction, type DoctorContext, type DoctorClient } from "./DoctorContext.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"
import { wordMillis } from "../../errors/Wording.ts"

const CHANNEL = "effect_supavisor_doctor"

/** How long a notification may take; it is sent at commit and needs one round trip. */
const NOTIFICATION_MILLIS = 3000

/** Listens, notifies, and waits for the notification. */
export const checkListen: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { client, keepsSession, now, second } = context
  if (client === undefined) return
  const target = "LISTEN/NOTIFY"
  if (keepsSession === false) {
    const details = "transaction mode accepts LISTEN and delivers no notifications"
    return yield* emit({ target, status: "skip", details })
  }
  const started = now()
  const payload = `${client.tap.processId}:${Math.round(context.wallClock())}`
  const received = yield* Effect.scoped(
    Effect.gen(function* () {
      const queue = yield* client.connection.listen(CHANNEL)
      // The driver's connection is pinned while it listens, so the notification needs another connection.
      if (second === undefined) return undefined
      yield* rowsOf(second, "select pg_notify($1, $2)", [CHANNEL, payload])
      const next = Queue.take(queue).pipe(Effect.repeat({ until: (notification) => notification.payload === payload }))
      return yield* Effect.timeoutOption(next, NOTIFICATION_MILLIS)
    })
  )
  const millis = now() - started
  if (received === undefined) {
    const details = "LISTEN was accepted; no second connection was available to send a notification"
    return yield* emit({ target, status: "info", millis, details })
  }
  if (Option.isSome(received)) {
    return yield* emit({ target, status: "pass", millis, details: "received a notification from another session" })
  }
  return yield* emit({
    target,
    status: "fail",
    millis,
    details: `LISTEN was accepted and no notification arrived within ${wordMillis(NOTIFICATION_MILLIS)}`,
    action: advise("Use a session (port 5432 at Supavisor) or a direct connection for LISTEN.")
  })
})

/** Long enough to be cancelled; ends by itself when the cancel has no effect. */
const SLEEP_SECONDS = 2

/** A cancel that arrives before its statement has no effect (PostgreSQL docs, "Canceling Requests in Progress"). */
const HEAD_START_MILLIS = 100

/** Whether a statement failed with query_canceled. */
const isCancelled = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && factsOf(Cause.squash(exit.cause)).sqlState === "57014"

const sendCancel = (context: DoctorContext, { tap }: DoctorClient): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { socket } = yield* scopedWire({ ...context.endpoint, address: context.reachableAddress })
      socket.write(PgProtocol.encodeCancelRequest({ pid: tap.processId, secret: tap.secretKey }))
      yield* socketClosed(socket)
    })
  ).pipe(Effect.timeoutOption(SLEEP_SECONDS * MILLIS_PER_SECOND), Effect.ignore)

/** Cancels a statement, and verifies that the next one is not cancelled. */
export const checkCancel: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const client = context.second ?? context.client
  if (client === undefined) return
  const { now } = context
  const target = "CancelRequest"
  const running = yield* Effect.forkChild(rowsOf(client, `select pg_sleep(${SLEEP_SECONDS})`), {
    startImmediately: true
  })
  yield* Effect.sleep(HEAD_START_MILLIS)
  const started = now()
  const sent = yield* Effect.forkChild(sendCancel(context, client), { startImmediately: true })
  const first = yield* Fiber.await(running)
  const millis = now() - started
  // A cancel that is still in transit would cancel the next statement, which has to run long enough for that.
  const next = yield* Effect.exit(rowsOf(client, isCancelled(first) ? "select 1" : "select pg_sleep(0.3)"))
  // PgBouncer crashes when the client closes before the cancel is forwarded (PgBouncer issue 801).
  yield* Fiber.await(sent)
  if (isCancelled(next)) {
    return yield* emit({
      target,
      status: "warn",
      millis,
      details: "the cancel was late and cancelled the next statement instead (a known fault of poolers)",
      action: advise(
        "Limit statements with DB_STATEMENT_TIMEOUT; this library closes a session after an unconfirmed cancel."
      )
    })
  }
  if (isCancelled(first)) {
    const details = "a running statement was cancelled, the next statement of the session was not"
    return yield* emit({ target, status: "pass", millis, details })
  }
  return yield* emit({
    target,
    status: "warn",
    millis,
    details: `the cancel had no effect: the statement ran to its end after ${SLEEP_SECONDS} s`,
    action: advise("Limit statements with DB_STATEMENT_TIMEOUT, which the server enforces.")
  })
})
