/** The session: proved, not believed from the port. */
import * as Effect from "effect/Effect"
import { SessionError } from "../../errors/SessionError.ts"
import { openSecond, rowsOf } from "./Client.ts"
import {
  type CheckFunction,
  type DoctorContext,
  failedResult,
  type RawResult,
  describeError,
  type Client
} from "./DoctorContext.ts"
import { listed } from "../../errors/Wording.ts"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { SqlError } from "effect/sql/SqlError"
import { queryBackend, type Backend, sameBackend } from "../../session/SessionModeCheck.ts"

/** How long the first connection may wait while the second holds a backend; a session waits for nothing. */
const BLOCKED_MILLIS = 1500

/** Why it is transaction mode; undefined when it is not. */
export const modeContradiction = Effect.fnUntraced(function* (
  first: Client,
  firstBackend: Backend,
  second: Client
): Effect.fn.Return<string | undefined, SqlError> {
  yield* rowsOf(second, "begin")
  const taken = yield* queryBackend(second.connection)
  const asking = yield* Effect.forkChild(queryBackend(first.connection), { startImmediately: true })
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
const STATE_PROBES = [
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
export interface SessionState {
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
export const probeSessionState = Effect.fnUntraced(function* (
  client: Client,
  other: Client | undefined
): Effect.fn.Return<SessionState, SqlError> {
  const left: Array<(typeof STATE_PROBES)[number]> = []
  const refused: Array<string> = []
  for (const trace of STATE_PROBES) {
    const isLeft = yield* Effect.match(rowsOf(client, trace.leave), { onFailure: () => false, onSuccess: () => true })
    if (isLeft) left.push(trace)
    else refused.push(trace.what)
  }
  if (other !== undefined) yield* queryBackend(other.connection)
  const kept: Array<string> = []
  const lost: Array<string> = []
  for (const trace of left) {
    const found = yield* isKept(client, trace.find)
    ;(found ? kept : lost).push(trace.what)
    if (found) yield* Effect.ignore(rowsOf(client, trace.clear))
  }
  return { kept, lost, refused }
})

const WITHOUT_A_SESSION =
  "a setting, a prepared statement, a temporary table, LISTEN and advisory locks do not outlive a transaction"

const inTransactionMode = (context: DoctorContext, target: string, why: string): RawResult => {
  if (context.settings.connectionType === "supavisor_transaction") {
    return { target, status: "pass", details: `transaction mode, as configured: ${why}; ${WITHOUT_A_SESSION}` }
  }
  const error = SessionError.connectFailed({
    host: context.connection.host,
    port: context.connection.port,
    phase: "session",
    elapsedMillis: 0,
    failure: { errno: "TRANSACTION_MODE" }
  })
  return failedResult(context, error, { target }, `; ${why}; ${WITHOUT_A_SESSION}`)
}

const traceLoss = (target: string, { lost }: SessionState): RawResult => ({
  target,
  status: "fail",
  details: `the backend stays the same and ${listed(lost)} did not outlive its transaction`,
  action: {
    text: "Something between here and PostgreSQL resets sessions: look at server_reset_query_always and the like of the pooler.",
    commands: []
  }
})

const wordSecond = ({ backend, secondError: secondRefusal }: DoctorContext, second: Client | undefined): string => {
  const pid = backend?.pid ?? 0
  if (second !== undefined) return `backend ${pid} stayed beside a second connection`
  return `backend ${pid} stayed; no second connection was granted (${secondRefusal === undefined ? "" : describeError(secondRefusal)}), so a transaction mode that rests is not ruled out`
}

const proved = (
  context: DoctorContext,
  target: string,
  traces: SessionState,
  second: Client | undefined
): RawResult => {
  const kept = traces.kept.length === 0 ? "" : `; ${listed(traces.kept)} outlived their transactions`
  const refused = traces.refused.length === 0 ? "" : `; this role may not make ${listed(traces.refused)}`
  const itself = context.isDirect ? "; PostgreSQL itself gave the key, no pooler is in between" : ""
  const details = `${wordSecond(context, second)}${kept}${refused}${itself}`
  if (context.settings.connectionType === "supavisor_transaction") {
    return { target, status: "info", details: `a session is kept although transaction mode is configured: ${details}` }
  }
  return { target, status: second === undefined && !context.isDirect ? "warn" : "pass", details }
}

/** Proves the mode, and looks for what a session has to keep. */
export const checkSession: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { backend, client, now, settings } = context
    if (client === undefined || backend === undefined) return
    const began = now()
    const target = settings.connectionType
    yield* openSecond(context)
    const { second } = context
    const why = second === undefined ? undefined : yield* modeContradiction(client, backend, second)
    if (why !== undefined) {
      context.keepsSession = false
      return yield* emit({ ...inTransactionMode(context, target, why), millis: now() - began })
    }
    const traces = yield* probeSessionState(client, second)
    context.keepsSession = traces.lost.length === 0
    const result = traces.lost.length > 0 ? traceLoss(target, traces) : proved(context, target, traces, second)
    return yield* emit({ ...result, millis: now() - began })
  })
