/** Compares the pool with the pooler's pool size and the connections with the database's limits. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { formatDuration } from "../../config/settings/Durations.ts"
import { openSecond, rowsOf, openClient } from "./DoctorClient.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult, describeError } from "./DoctorContext.ts"
import { maskedName } from "./Masking.ts"
import { advise, DATABASE_SETTINGS_PAGE, PROGRAM } from "./Actions.ts"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { counted, given, wordMillis } from "../../errors/Wording.ts"
import * as Schema from "effect/Schema"

/** Groups of connections that are listed; the others are summed up. */
const MOST_HOLDERS = 6

/** The connections in use and their limits. */
const ConnectionUsage = Schema.Struct({
  max: Schema.Number,
  /** Reserved for superusers, and since PostgreSQL 16 for pg_use_reserved_connections. */
  reserved: Schema.Number,
  used: Schema.Number,
  /** CONNECTION LIMIT of the role and of the database; -1 for none. */
  roleLimit: Schema.Number,
  roleUsed: Schema.Number,
  databaseLimit: Schema.Number,
  databaseUsed: Schema.Number,
  /** The largest groups first. */
  holders: Schema.Array(
    Schema.Struct({
      role: Schema.NullOr(Schema.String),
      application: Schema.NullOr(Schema.String),
      count: Schema.Number
    })
  ),
  /** Sessions idle in a transaction, as far as the role may see. */
  idleInTransaction: Schema.Number,
  oldestIdleMillis: Schema.NullOr(Schema.Number),
  oldestIdleApplication: Schema.NullOr(Schema.String)
})

type ConnectionUsage = typeof ConnectionUsage.Type

/** Any role may run it. Its column `view` is JSON. An ordinary role does not see the state of other roles' sessions. */
const USAGE_SQL = `
with seen as (
  select usename, application_name, state, datname,
    (extract(epoch from clock_timestamp() - state_change) * 1000)::float8 as rested
  from pg_stat_activity
  where backend_type = 'client backend' or (backend_type is null and usesysid is not null)
), resting as (
  select * from seen where state like 'idle in transaction%' order by rested desc
), sums as (
  select usename, application_name, count(*) as total from seen group by 1, 2 order by 3 desc, 1, 2
  limit ${MOST_HOLDERS}
)
select json_build_object(
  'max', current_setting('max_connections')::int,
  'reserved', current_setting('superuser_reserved_connections')::int
    + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int,
  'used', (select count(*) from seen),
  'roleLimit', (select rolconnlimit from pg_roles where rolname = current_user),
  'roleUsed', (select count(*) from seen where usename = current_user),
  'databaseLimit', (select datconnlimit from pg_database where datname = current_database()),
  'databaseUsed', (select count(*) from seen where datname = current_database()),
  'holders', (select json_agg(json_build_object('role', usename, 'application', application_name, 'count', total)) from sums),
  'idleInTransaction', (select count(*) from resting),
  'oldestIdleMillis', (select rested from resting limit 1),
  'oldestIdleApplication', (select application_name from resting limit 1)
)::text as view`

/** Above Supabase's largest default pool size (ConnectionPooling.constants.ts of supabase/supabase). */
const MAX_PROBED = 100

/** The check's other statements run in the rest of its limit. */
const SHARE_OF_LIMIT = 0.8

/**
 * Opens sessions until one is refused or the limit of sessions or time is reached, and closes them all. Returns the
 * number of sessions open at the same time, including the doctor's first one, and the error that ended the probe.
 */
const probeCapacity = Effect.fnUntraced(function* (context: DoctorContext) {
  const { now } = context
  const deadline = now() + context.limitMillis * SHARE_OF_LIMIT
  const scope = yield* Scope.make("parallel")
  let held = context.client === undefined ? 0 : 1
  const takeAll = Effect.gen(function* () {
    while (held < MAX_PROBED && now() < deadline) {
      const opened = yield* Effect.result(Scope.provide(openClient(context, Math.max(1, deadline - now())), scope))
      if (opened._tag === "Failure") return opened.failure
      held++
    }
    return undefined
  })
  const refusal = yield* Effect.ensuring(takeAll, Scope.close(scope, Exit.void))
  return { held, refusal }
})

/** The usual threshold of alerts on `max_connections`. */
const CROWDED = 0.8

const raise = (isOurs: boolean): string =>
  `Lower DB_POOL_MAX${isOurs ? "" : " of all processes together"}, or raise the pool size (${DATABASE_SETTINGS_PAGE}, Connection pooling).`

const againstPooler = (context: DoctorContext, size: number, held: string): RawResult => {
  const { max } = context.settings.pool
  const target = `max ${max} of pool size ${size}`
  if (max > size) {
    const details = `DB_POOL_MAX exceeds the pool size by ${counted(max - size, "session")}, which the pooler will refuse with EMAXCONNSESSION${held}`
    return { target, status: "fail", details, action: advise(raise(true), `export DB_POOL_MAX=${size}`) }
  }
  if (max === size) {
    const details = `one process can use all sessions of the role: a second process will be refused${held}`
    return { target, status: "warn", details, action: advise(raise(false)) }
  }
  return { target, status: "pass", details: `${counted(size - max, "session")} left for other processes${held}` }
}

const afterProbe = Effect.fnUntraced(function* (context: DoctorContext): Effect.fn.Return<RawResult> {
  const { held, refusal } = yield* probeCapacity(context)
  const { poolSize } = context
  const { max } = context.settings.pool
  if (poolSize !== undefined) return againstPooler(context, poolSize, `; the probe opened ${held}`)
  const target = `max ${max}, ${held} opened`
  if (refusal !== undefined && max > held)
    return failedResult(context, refusal, { target }, `; the probe opened only ${held}`)
  const why = refusal === undefined ? `the probe stops at ${MAX_PROBED} or at its time limit` : describeError(refusal)
  return { target, status: "pass", details: `${held} sessions were open at the same time; ${why}` }
})

const poolResult = Effect.fnUntraced(function* (context: DoctorContext): Effect.fn.Return<RawResult> {
  const { poolSize, isDirect, probesCapacity, secondError, settings } = context
  const target = `max ${settings.pool.max}`
  if (isDirect) return { target, status: "info", details: "no pooler: max_connections is the limit" }
  if (secondError?.class === "capacity") {
    if (poolSize === undefined) return failedResult(context, secondError, { target }, "; a second session was refused")
    const held = `; this login used the last free session (${describeError(secondError)})`
    return { ...againstPooler(context, poolSize, held), status: "fail" }
  }
  if (probesCapacity) return yield* afterProbe(context)
  if (poolSize !== undefined) return againstPooler(context, poolSize, "")
  const details =
    "the pooler reports its pool size only when it refuses a login. To find it while no other client needs " +
    `sessions: ${PROGRAM} doctor --only capacity --probe-capacity`
  return { target, status: "info", details }
})

const connectionLimit = ({ connection, settings }: DoctorContext, view: ConnectionUsage): RawResult | undefined => {
  const { max } = settings.pool
  const exceeded = [
    { what: "role", name: connection.role, limit: view.roleLimit, used: view.roleUsed },
    { what: "database", name: connection.database, limit: view.databaseLimit, used: view.databaseUsed }
  ].find(({ limit }) => limit >= 0 && limit < max)
  if (exceeded === undefined) return undefined
  return {
    component: "Limits",
    target: `${exceeded.what} limit ${exceeded.limit}`,
    status: "fail",
    details: `the ${exceeded.what} has CONNECTION LIMIT ${exceeded.limit} (${exceeded.used} used) and DB_POOL_MAX is ${max}`,
    action: advise(
      "Lower DB_POOL_MAX or raise the limit.",
      `alter ${exceeded.what} "${exceeded.name.replaceAll('"', '""')}" connection limit ${max};`
    )
  }
}

const serverConnections = (context: DoctorContext, view: ConnectionUsage): RawResult => {
  const usable = Math.max(1, view.max - view.reserved)
  const share = view.used / usable
  const result = { component: "Connections", target: `max_connections ${view.max}` }
  const details = `${view.used} of ${usable} usable connections are in use (${Math.round(share * 100)} %)`
  if (share < CROWDED) return { ...result, status: "pass", details }
  return {
    ...result,
    status: "warn",
    details: `${details}; a pool of ${context.settings.pool.max} may be refused with 53300`,
    action: advise(
      "Close idle clients, use fewer roles and databases behind the pooler, or move to a larger compute size.",
      `${PROGRAM} inspect role-stats`
    )
  }
}

const describeHolders = ({ holders, used }: ConnectionUsage): string => {
  const shown = holders.map(
    ({ application, count, role }) => `${count} ${maskedName(role ?? "?")} "${maskedName(application ?? "")}"`
  )
  const rest = used - holders.reduce((sum, { count }) => sum + count, 0)
  return given([...shown, rest > 0 && `${rest} others`]).join(", ")
}

const idleInTransaction = (context: DoctorContext, view: ConnectionUsage): RawResult | undefined => {
  const { idleInTransactionTimeout } = context.settings
  const oldest = view.oldestIdleMillis ?? 0
  if (view.idleInTransaction === 0 || oldest < Duration.toMillis(idleInTransactionTimeout)) return undefined
  const application = view.oldestIdleApplication === null ? "" : ` of "${maskedName(view.oldestIdleApplication)}"`
  return {
    component: "Idle in tx",
    target: `over ${formatDuration(idleInTransactionTimeout)}`,
    status: "warn",
    details: `${counted(view.idleInTransaction, "session is", "sessions are")} idle in a transaction, the oldest${application} for ${wordMillis(oldest)}, and keep their locks`,
    action: advise(
      "End it, and set idle_in_transaction_session_timeout for its role.",
      `${PROGRAM} inspect idle-in-transaction`,
      "select pg_terminate_backend(pid) from pg_stat_activity where state like 'idle in transaction%' and state_change < now() - interval '5 min';"
    )
  }
}

/** Opens a second connection, because a refused login states the pool size, and closes it, so that it is not counted. */
const trySecond = Effect.fnUntraced(function* (context: DoctorContext) {
  const { isDirect, second, secondError } = context
  if (second === undefined && secondError === undefined && !isDirect) yield* openSecond(context)
  yield* context.second?.close ?? Effect.void
  context.second = undefined
})

/** Checks the pool size, the connections in use, the connection limits and idle transactions. */
export const checkCapacity: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { client, now } = context
  if (client === undefined) return
  const started = now()
  yield* trySecond(context)
  const pool = yield* poolResult(context)
  yield* emit({ ...pool, millis: now() - started })
  const rows = yield* rowsOf(client, USAGE_SQL)
  const decodeUsage = Schema.decodeUnknownEffect(Schema.fromJsonString(ConnectionUsage))
  const view = yield* Effect.orDie(decodeUsage(rows[0]?.["view"]))
  yield* emit(serverConnections(context, view))
  yield* emit({ component: "Holders", target: "by role, application", status: "info", details: describeHolders(view) })
  const limit = connectionLimit(context, view)
  if (limit !== undefined) yield* emit(limit)
  const resting = idleInTransaction(context, view)
  if (resting !== undefined) yield* emit(resting)
})
