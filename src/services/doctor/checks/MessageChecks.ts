/** What passes beside the statements: notifications, and cancels. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { factsOf } from "../../errors/catalogue/FailureFacts.ts"
import { socketClosed } from "../../session/Cancellation.ts"
import { scopedWire } from "../network/Sockets.ts"
import { rowsOf } from "./Client.ts"
import type { CheckFunction, DoctorContext, Client } from "./DoctorContext.ts"
import { formatMillis } from "./Format.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** A channel of its own; PostgreSQL folds no case in it. */
const CHANNEL = "effect_supavisor_doctor"

/** A notification is sent when its transaction commits, and takes a round trip. */
const NOTIFICATION_MILLIS = 3000

/** Listens, notifies, and waits for the notification. */
export const checkListen: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { client, keepsSession, now, second } = context
    if (client === undefined) return
    const target = "LISTEN/NOTIFY"
    if (keepsSession === false) {
      return yield* emit({ target, status: "skip", details: "transaction mode accepts LISTEN and delivers nothing" })
    }
    const began = now()
    const payload = `${client.tap.processId}:${Math.round(context.wallClock())}`
    const heard = yield* Effect.scoped(
      Effect.gen(function* () {
        const queue = yield* client.connection.listen(CHANNEL)
        // The session is pinned while it listens, so without a second one there is nobody to send the notification.
        if (second === undefined) return undefined
        yield* rowsOf(second, "select pg_notify($1, $2)", [CHANNEL, payload])
        const next = Queue.take(queue).pipe(
          Effect.repeat({ until: (notification) => notification.payload === payload })
        )
        return yield* Effect.timeoutOption(next, NOTIFICATION_MILLIS)
      })
    )
    const millis = now() - began
    if (heard === undefined) {
      const details = "LISTEN was accepted; without a second session nobody could send a notification"
      return yield* emit({ target, status: "info", millis, details })
    }
    if (Option.isSome(heard)) {
      return yield* emit({ target, status: "pass", millis, details: "a notification from another session arrived" })
    }
    return yield* emit({
      target,
      status: "fail",
      millis,
      details: `LISTEN was accepted and no notification arrived within ${formatMillis(NOTIFICATION_MILLIS)}`,
      action: { text: "Use a session (port 5432 at Supavisor) or a direct connection for LISTEN.", commands: [] }
    })
  })

/** Long enough to be caught, short enough to end by itself when nobody hears the cancel. */
const SLEEP_SECONDS = 2

const SLEEP = `select pg_sleep(${SLEEP_SECONDS})`

const SHORT_SLEEP = "select pg_sleep(0.3)"

/** A cancel that overtakes its statement is not heard (PostgreSQL docs, "Canceling Requests in Progress"). */
const HEAD_START_MILLIS = 100

const QUERY_CANCELED = "57014"

const isCancelled = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && factsOf(Cause.squash(exit.cause)).sqlState === QUERY_CANCELED

const sendCancel = (context: DoctorContext, { tap }: Client): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { socket } = yield* scopedWire({ ...context.endpoint, address: context.reachableAddress })
      socket.write(PgProtocol.encodeCancelRequest({ pid: tap.processId, secret: tap.secretKey }))
      yield* socketClosed(socket)
    })
  ).pipe(Effect.timeoutOption(SLEEP_SECONDS * MILLIS_PER_SECOND), Effect.ignore)

/** Cancels a statement of its own, and looks whether the next one was left alone. */
export const checkCancel: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const client = context.second ?? context.client
    if (client === undefined) return
    const { now } = context
    const target = "CancelRequest"
    const running = yield* Effect.forkChild(rowsOf(client, SLEEP), { startImmediately: true })
    yield* Effect.sleep(HEAD_START_MILLIS)
    const began = now()
    const sent = yield* Effect.forkChild(sendCancel(context, client), { startImmediately: true })
    const first = yield* Fiber.await(running)
    const millis = now() - began
    // A cancel that is still on its way meets whatever runs next; that has to last long enough to be met.
    const next = yield* Effect.exit(rowsOf(client, isCancelled(first) ? "select 1" : SHORT_SLEEP))
    // Whoever leaves before the cancel is passed on ends the pooler itself (PgBouncer's issue 801).
    yield* Fiber.await(sent)
    if (isCancelled(next)) {
      return yield* emit({
        target,
        status: "warn",
        millis,
        details: "the cancel came late and ended the next statement instead (a known fault of poolers)",
        action: {
          text: "Bound statements with DB_STATEMENT_TIMEOUT; this library never lends a session again after an unconfirmed cancel.",
          commands: []
        }
      })
    }
    if (isCancelled(first)) {
      const details = "a running statement ended, the session and its next statement went on"
      return yield* emit({ target, status: "pass", millis, details })
    }
    return yield* emit({
      target,
      status: "warn",
      millis,
      details: `the statement ran to its end after ${SLEEP_SECONDS} s: the cancel was not heard`,
      action: { text: "Bound statements with DB_STATEMENT_TIMEOUT, which the server itself keeps.", commands: [] }
    })
  })
