/** Whether there is room: our pool against the pooler's, and both against the database. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { formatDuration } from "../../config/settings/Durations.ts"
import { openSecond, rowsOf, openClient } from "./Client.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult, describeError } from "./DoctorContext.ts"
import { maskedName } from "./Masking.ts"
import { DATABASE_SETTINGS_PAGE, PROGRAM } from "./Actions.ts"
import { formatMillis } from "./Format.ts"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SessionError } from "../../errors/SessionError.ts"
import { counted } from "../../errors/Wording.ts"
import * as Schema from "effect/Schema"

/** More holders than these are summed up. */
const MOST_HOLDERS = 6

const Holder = Schema.Struct({
  role: Schema.NullOr(Schema.String),
  application: Schema.NullOr(Schema.String),
  count: Schema.Number
})

/** One look at the connections. */
export const ConnectionUsage = Schema.Struct({
  max: Schema.Number,
  /** Kept back for superusers, and since PostgreSQL 16 for pg_use_reserved_connections. */
  reserved: Schema.Number,
  used: Schema.Number,
  /** CONNECTION LIMIT of the role and of the database; -1 for none. */
  roleLimit: Schema.Number,
  roleUsed: Schema.Number,
  databaseLimit: Schema.Number,
  databaseUsed: Schema.Number,
  /** The most numerous first. */
  holders: Schema.Array(Holder),
  /** Transactions that are open and rest, as far as the role may see. */
  idleInTransaction: Schema.Number,
  oldestIdleMillis: Schema.NullOr(Schema.Number),
  oldestIdleApplication: Schema.NullOr(Schema.String)
})

export type ConnectionUsage = typeof ConnectionUsage.Type

/** Reads the one column of the statement. */
export const decodeUsage = Schema.decodeUnknownEffect(Schema.fromJsonString(ConnectionUsage))

/** The statement; its one column `view` is JSON. Rows of other roles show no state to an ordinary role. */
export const USAGE_SQL = `
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

/** Supabase's largest default pool size is below this (ConnectionPooling.constants.ts of supabase/supabase). */
export const MAX_PROBED = 100

/** What the probe found. */
export interface ProbeResult {
  /** Sessions held at the same time, the doctor's first one included. */
  readonly held: number
  /** What ended the probe; undefined when it was its own bound. */
  readonly refusal: SessionError | undefined
}

/** Opens sessions until one is refused, the bound is reached or the time is over, and closes them all. */
export const probeCapacity = (context: DoctorContext, limitMillis: number): Effect.Effect<ProbeResult> =>
  Effect.gen(function* () {
    const { now } = context
    const deadline = now() + limitMillis
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

/** From here on a burst fills the rest: the usual bound of alerts on `max_connections`. */
const CROWDED = 0.8

const PERCENT = 100

/** The probe takes many logins; what the other statements need is left of the limit. */
const SHARE_OF_LIMIT = 0.8

const raise = (isOurs: boolean): string =>
  `Lower DB_POOL_MAX${isOurs ? "" : " of all processes together"}, or raise the pool size (${DATABASE_SETTINGS_PAGE}, Connection pooling).`

const againstPooler = (context: DoctorContext, size: number, held: string): RawResult => {
  const { max } = context.settings.pool
  const target = `max ${max} of pool size ${size}`
  if (max > size) {
    const details = `the pool wants ${counted(max - size, "session")} more than the pooler grants; they will be refused with EMAXCONNSESSION${held}`
    return { target, status: "fail", details, action: { text: raise(true), commands: [`export DB_POOL_MAX=${size}`] } }
  }
  if (max === size) {
    const details = `one full pool takes all sessions of the role: a second process will be refused${held}`
    return { target, status: "warn", details, action: { text: raise(false), commands: [] } }
  }
  return { target, status: "pass", details: `${counted(size - max, "session")} left for other processes${held}` }
}

const afterProbe = Effect.fnUntraced(function* (context: DoctorContext): Effect.fn.Return<RawResult> {
  const { held, refusal } = yield* probeCapacity(context, context.limitMillis * SHARE_OF_LIMIT)
  const { poolSize: ceiling } = context
  const { max } = context.settings.pool
  if (ceiling !== undefined) return againstPooler(context, ceiling, `; ${held} could be taken now`)
  const target = `max ${max}, ${held} taken`
  if (refusal !== undefined && max > held)
    return failedResult(context, refusal, { target }, `; only ${held} could be taken`)
  const why =
    refusal === undefined ? `the probe stops at ${MAX_PROBED} or when its time is over` : describeError(refusal)
  return { target, status: "pass", details: `${held} sessions were granted at the same time; ${why}` }
})

const poolFinding = (context: DoctorContext): Effect.Effect<RawResult> => {
  const { poolSize: ceiling, isDirect: isServerItself, probesCapacity, secondError: secondRefusal, settings } = context
  const target = `max ${settings.pool.max}`
  if (isServerItself) {
    return Effect.succeed({ target, status: "info", details: "no pooler in between: max_connections is the limit" })
  }
  if (secondRefusal !== undefined && secondRefusal.class === "capacity") {
    const held = `; this login took the last free one (${describeError(secondRefusal)})`
    return Effect.succeed(
      ceiling === undefined
        ? failedResult(context, secondRefusal, { target }, "; a second session was refused")
        : { ...againstPooler(context, ceiling, held), status: "fail" }
    )
  }
  if (probesCapacity) return afterProbe(context)
  if (ceiling !== undefined) return Effect.succeed(againstPooler(context, ceiling, ""))
  return Effect.succeed({
    target,
    status: "info",
    details:
      "the pooler's pool size cannot be asked; it is told by the first refusal. Count it when nobody else needs " +
      `sessions: ${PROGRAM} doctor --only capacity --probe-capacity`
  })
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const limitFinding = ({ connection, settings }: DoctorContext, view: ConnectionUsage): RawResult | undefined => {
  const { max } = settings.pool
  const narrow = [
    { what: "role", name: connection.role, limit: view.roleLimit, used: view.roleUsed },
    { what: "database", name: connection.database, limit: view.databaseLimit, used: view.databaseUsed }
  ].find(({ limit }) => limit >= 0 && limit < max)
  if (narrow === undefined) return undefined
  return {
    component: "Limits",
    target: `${narrow.what} limit ${narrow.limit}`,
    status: "fail",
    details: `the ${narrow.what} has CONNECTION LIMIT ${narrow.limit} (${narrow.used} used) and DB_POOL_MAX is ${max}`,
    action: {
      text: "Lower DB_POOL_MAX or raise the limit.",
      commands: [`alter ${narrow.what} ${quoted(narrow.name)} connection limit ${max};`]
    }
  }
}

const serverFinding = (context: DoctorContext, view: ConnectionUsage): RawResult => {
  const usable = Math.max(1, view.max - view.reserved)
  const share = view.used / usable
  const { max } = context.settings.pool
  const target = `max_connections ${view.max}`
  const details = `${view.used} of ${usable} usable are taken (${Math.round(share * PERCENT)} %)`
  const component = "Connections"
  if (share < CROWDED) return { component, target, status: "pass", details }
  return {
    component,
    target,
    status: "warn",
    details: `${details}; a pool of ${max} may be refused with 53300`,
    action: {
      text: "Close idle clients, use fewer roles and databases behind the pooler, or move to a larger compute size.",
      commands: [`${PROGRAM} inspect role-stats`]
    }
  }
}

const wordHolders = ({ holders, used }: ConnectionUsage): string => {
  const shown = holders.map(
    ({ application, count, role }) => `${count} ${maskedName(role ?? "?")} "${maskedName(application ?? "")}"`
  )
  const rest = used - holders.reduce((sum, { count }) => sum + count, 0)
  return [...shown, ...(rest > 0 ? [`${rest} others`] : [])].join(", ")
}

const restingFinding = (context: DoctorContext, view: ConnectionUsage): RawResult | undefined => {
  const { idleInTransactionTimeout } = context.settings
  const oldest = view.oldestIdleMillis ?? 0
  if (view.idleInTransaction === 0 || oldest < Duration.toMillis(idleInTransactionTimeout)) return undefined
  const who = view.oldestIdleApplication === null ? "" : ` of "${maskedName(view.oldestIdleApplication)}"`
  return {
    component: "Idle in tx",
    target: `over ${formatDuration(idleInTransactionTimeout)}`,
    status: "warn",
    details: `${counted(view.idleInTransaction, "transaction")} open and resting, the oldest${who} for ${formatMillis(oldest)}: it holds a session and its locks`,
    action: {
      text: "End it, and set idle_in_transaction_session_timeout where it comes from.",
      commands: [
        `${PROGRAM} inspect idle-in-transaction`,
        "select pg_terminate_backend(pid) from pg_stat_activity where state like 'idle in transaction%' and state_change < now() - interval '5 min';"
      ]
    }
  }
}

/** A refusal of a second session tells the pool size; where one is there, it leaves: it would be counted. */
const settleSecond = Effect.fnUntraced(function* (context: DoctorContext) {
  const { isDirect: isServerItself, second, secondError: secondRefusal } = context
  if (second === undefined && secondRefusal === undefined && !isServerItself) yield* openSecond(context)
  yield* context.second?.close ?? Effect.void
  context.second = undefined
})

/** The pool against the pooler, the connections against the database, and who holds them. */
export const checkCapacity: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { client, now } = context
    if (client === undefined) return
    const began = now()
    yield* settleSecond(context)
    const pool = yield* poolFinding(context)
    yield* emit({ ...pool, millis: now() - began })
    const rows = yield* rowsOf(client, USAGE_SQL)
    const view = yield* Effect.orDie(decodeUsage(rows[0]?.["view"]))
    yield* emit(serverFinding(context, view))
    yield* emit({ component: "Holders", target: "by role, application", status: "info", details: wordHolders(view) })
    const limit = limitFinding(context, view)
    if (limit !== undefined) yield* emit(limit)
    const resting = restingFinding(context, view)
    if (resting !== undefined) yield* emit(resting)
  })
