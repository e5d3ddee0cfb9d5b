/**
 * Tests whether the server keeps a session between transactions.
 *
 * An idle pooler in transaction mode looks like session mode: it assigns the same backend again and again. So the second
 * connection enters a transaction while the first one is between two: in transaction mode the second connection gets the
 * first one's backend, and the first one gets another or none. Only if that did not happen, state is left on the backend
 * and looked for; it is removed at once.
 */
import * as Effect from "effect/Effect"
import { advise } from "./Actions.ts"
import { openSecond, rowsOf } from "./DoctorClient.ts"
import {
  type CheckFunction,
  type DoctorContext,
  failedResult,
  type RawResult,
  describeError,
  type DoctorClient
} from "./DoctorContext.ts"
import { listed } from "../../errors/Wording.ts"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { SqlError } from "effect/sql/SqlError"
import { queryBackend, type Backend, sameBackend } from "../../session/SessionModeCheck.ts"

/** In session mode the first connection does not wait while the second is in a transaction. */
const BLOCKED_MILLIS = 1500

/** The evidence of transaction mode; undefined when there is none. */
const findTransactionMode = Effect.fnUntraced(function* (
  first: DoctorClient,
  firstBackend: Backend,
  second: DoctorClient
): Effect.fn.Return<string | undefined, SqlError> {
  yield* rowsOf(second, "begin")
  const taken = yield* queryBackend(second.connection)
  const query = yield* Effect.forkChild(queryBackend(first.connection), { startImmediately: true })
  const early = yield* Effect.timeoutOption(Fiber.await(query), BLOCKED_MILLIS)
  yield* rowsOf(second, "rollback")
  const again = yield* Fiber.join(query)
  if (sameBackend(taken, firstBackend)) return `backend ${taken.pid} served two connections in turn`
  if (!sameBackend(again, firstBackend)) {
    return `backend ${firstBackend.pid} and then backend ${again.pid} served one connection`
  }
  return Option.isNone(early) ? "the first connection had to wait for the second connection's transaction" : undefined
})

/** State that is left on the session and looked for again. */
const STATE_PROBES = [
  {
    name: "a setting",
    create: "select set_config('effect_supavisor.doctor', 'kept', false)",
    find: "select current_setting('effect_supavisor.doctor', true) as found",
    remove: "select set_config('effect_supavisor.doctor', '', false)"
  },
  {
    name: "a prepared statement",
    create: "prepare effect_supavisor_doctor as select 'kept' as found",
    find: "execute effect_supavisor_doctor",
    remove: "deallocate effect_supavisor_doctor"
  },
  {
    name: "a temporary table",
    create: "create temporary table effect_supavisor_doctor as select 'kept'::text as found",
    find: "select found from pg_temp.effect_supavisor_doctor",
    remove: "drop table pg_temp.effect_supavisor_doctor"
  }
] as const

/** The state that was kept, was lost, or could not be created. */
type SessionState = Readonly<Record<"kept" | "lost" | "refused", ReadonlyArray<string>>>

/** Leaves each state in a transaction of its own, lets the other connection run one, and looks for the state again. */
const probeSessionState = Effect.fnUntraced(function* (
  client: DoctorClient,
  other: DoctorClient | undefined
): Effect.fn.Return<SessionState, SqlError> {
  const created: Array<(typeof STATE_PROBES)[number]> = []
  const refused: Array<string> = []
  for (const probe of STATE_PROBES) {
    if (yield* Effect.isSuccess(rowsOf(client, probe.create))) created.push(probe)
    else refused.push(probe.name)
  }
  if (other !== undefined) yield* queryBackend(other.connection)
  const kept: Array<string> = []
  const lost: Array<string> = []
  for (const probe of created) {
    const rows = yield* Effect.orElseSucceed(rowsOf(client, probe.find), () => [])
    const isKept = rows[0]?.["found"] === "kept"
    ;(isKept ? kept : lost).push(probe.name)
    if (isKept) yield* Effect.ignore(rowsOf(client, probe.remove))
  }
  return { kept, lost, refused }
})

const CONSEQUENCES =
  "settings, prepared statements, temporary tables, LISTEN and advisory locks are lost after a transaction"

const inTransactionMode = (context: DoctorContext, target: string, why: string): RawResult => {
  if (context.settings.connectionType === "supavisor_transaction") {
    return { target, status: "pass", details: `transaction mode, as configured: ${why}; ${CONSEQUENCES}` }
  }
  const error = context.failure("session", context.now(), { errno: "TRANSACTION_MODE" })
  return failedResult(context, error, { target }, `; ${why}; ${CONSEQUENCES}`)
}

const stateLost = (target: string, lost: ReadonlyArray<string>): RawResult => ({
  target,
  status: "fail",
  details: `the backend stayed the same, and ${listed(lost)} did not outlast its transaction`,
  action: advise(
    "A pooler between this machine and PostgreSQL resets sessions: check its settings, such as server_reset_query_always."
  )
})

const describeSecond = ({ backend, second, secondError }: DoctorContext): string => {
  const pid = backend?.pid ?? 0
  if (second !== undefined) return `kept backend ${pid} while a second connection was in a transaction`
  return `kept backend ${pid}; no second connection was available (${secondError === undefined ? "" : describeError(secondError)}), so an idle pooler in transaction mode is not excluded`
}

const sessionMode = (context: DoctorContext, target: string, state: SessionState): RawResult => {
  const kept = state.kept.length === 0 ? "" : `; also kept: ${listed(state.kept)}`
  const refused = state.refused.length === 0 ? "" : `; this role may not create ${listed(state.refused)}`
  const itself = context.isDirect ? "; PostgreSQL itself answers, without a pooler" : ""
  const details = `${describeSecond(context)}${kept}${refused}${itself}`
  if (context.settings.connectionType === "supavisor_transaction") {
    return { target, status: "info", details: `session mode although transaction mode is configured: ${details}` }
  }
  return { target, status: context.second === undefined && !context.isDirect ? "warn" : "pass", details }
}

/** Tests the mode, then whether the session keeps its state. */
export const checkSession: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { backend, client, now, settings } = context
  if (client === undefined || backend === undefined) return
  const started = now()
  const target = settings.connectionType
  yield* openSecond(context)
  const { second } = context
  const why = second === undefined ? undefined : yield* findTransactionMode(client, backend, second)
  if (why !== undefined) {
    context.keepsSession = false
    return yield* emit({ ...inTransactionMode(context, target, why), millis: now() - started })
  }
  const state = yield* probeSessionState(client, second)
  context.keepsSession = state.lost.length === 0
  const result = state.lost.length > 0 ? stateLost(target, state.lost) : sessionMode(context, target, state)
  return yield* emit({ ...result, millis: now() - started })
})
