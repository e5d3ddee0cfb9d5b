/**
 * The proof that a session is kept, made on one connection while a second one is busy.
 *
 * A pooler in transaction mode looks like a session as long as nobody else is there: it lends the same backend again and
 * again. So the second connection enters a transaction while the first one rests between two: in transaction mode it
 * gets the first one's backend, and the first one another, or none. Only where that did not happen is anything left on
 * the backend to be found again, and it is removed at once.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { SqlError } from "effect/sql/SqlError"
import { askBackend, type Backend, sameBackend } from "../../session/SessionModeCheck.ts"
import { rowsOf } from "./Client.ts"
import type { Client } from "./DoctorContext.ts"

/** How long the first connection may wait while the second holds a backend; a session waits for nothing. */
const BLOCKED_MILLIS = 1500

/** Why it is transaction mode; undefined when it is not. */
export const modeContradiction = Effect.fnUntraced(function* (
  first: Client,
  firstBackend: Backend,
  second: Client
): Effect.fn.Return<string | undefined, SqlError> {
  yield* rowsOf(second, "begin")
  const taken = yield* askBackend(second.connection)
  const asking = yield* Effect.forkChild(askBackend(first.connection), { startImmediately: true })
  const early = yield* Effect.timeoutOption(Fiber.await(asking), BLOCKED_MILLIS)
  yield* rowsOf(second, "rollback")
  const again = yield* Fiber.join(asking)
  if (sameBackend(taken, firstBackend)) return `backend ${taken.pid} answered on two connections in turn`
  if (!sameBackend(again, firstBackend)) {
    return `backend ${firstBackend.pid} and then backend ${again.pid} answered on one connection`
  }
  return Option.isNone(early) ? "the first connection had to wait for the second one's transaction" : undefined
})

/** What of a session is left behind and looked for; names that nobody else uses. */
const TRACES = [
  {
    what: "a setting",
    leave: "select set_config('effect_supavisor.doctor', 'kept', false)",
    find: "select current_setting('effect_supavisor.doctor', true) as found",
    clear: "select set_config('effect_supavisor.doctor', '', false)"
  },
  {
    what: "a prepared statement",
    leave: "prepare effect_supavisor_doctor as select 'kept' as found",
    find: "execute effect_supavisor_doctor",
    clear: "deallocate effect_supavisor_doctor"
  },
  {
    what: "a temporary table",
    leave: "create temporary table effect_supavisor_doctor as select 'kept'::text as found",
    find: "select found from pg_temp.effect_supavisor_doctor",
    clear: "drop table pg_temp.effect_supavisor_doctor"
  }
] as const

/** What became of the traces: kept, lost, or not allowed in the first place. */
export interface Traces {
  readonly kept: ReadonlyArray<string>
  readonly lost: ReadonlyArray<string>
  readonly refused: ReadonlyArray<string>
}

const isKept = (client: Client, find: string): Effect.Effect<boolean> =>
  rowsOf(client, find).pipe(
    Effect.map((rows) => rows[0]?.["found"] === "kept"),
    Effect.catch(() => Effect.succeed(false))
  )

/** Leaves the traces in transactions of their own, lets the other connection have one, and looks for them again. */
export const followTraces = Effect.fnUntraced(function* (
  client: Client,
  other: Client | undefined
): Effect.fn.Return<Traces, SqlError> {
  const left: Array<(typeof TRACES)[number]> = []
  const refused: Array<string> = []
  for (const trace of TRACES) {
    const isLeft = yield* Effect.match(rowsOf(client, trace.leave), { onFailure: () => false, onSuccess: () => true })
    if (isLeft) left.push(trace)
    else refused.push(trace.what)
  }
  if (other !== undefined) yield* askBackend(other.connection)
  const kept: Array<string> = []
  const lost: Array<string> = []
  for (const trace of left) {
    const found = yield* isKept(client, trace.find)
    ;(found ? kept : lost).push(trace.what)
    if (found) yield* Effect.ignore(rowsOf(client, trace.clear))
  }
  return { kept, lost, refused }
})
