/** Whether there is room: our pool against the pooler's, and both against the database. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { formatDuration } from "../../config/settings/Durations.ts"
import { openSecond, rowsOf, login } from "./Client.ts"
import { CONNECTIONS_SQL, type ConnectionsView, decodeConnections } from "./ConnectionsView.ts"
import { type Check, type Examination, failed, type Finding, wordFailure } from "./DoctorContext.ts"
import { foreignName } from "./Masking.ts"
import { DATABASE_SETTINGS_PAGE, PROGRAM } from "./Remedies.ts"
import { wordTime } from "./Wording.ts"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SessionError } from "../../errors/SessionError.ts"
import { counted } from "../../errors/Wording.ts"

/** Supabase's largest default pool size is below this (ConnectionPooling.constants.ts of supabase/supabase). */
export const MOST_PROBED = 100

/** What the probe found. */
export interface Probed {
  /** Sessions held at the same time, the doctor's first one included. */
  readonly held: number
  /** What ended the probe; undefined when it was its own bound. */
  readonly refusal: SessionError | undefined
}

/** Opens sessions until one is refused, the bound is reached or the time is over, and closes them all. */
export const probeCapacity = (examination: Examination, limitMillis: number): Effect.Effect<Probed> =>
  Effect.gen(function* () {
    const { now } = examination
    const deadline = now() + limitMillis
    const scope = yield* Scope.make("parallel")
    let held = examination.client === undefined ? 0 : 1
    const takeAll = Effect.gen(function* () {
      while (held < MOST_PROBED && now() < deadline) {
        const opened = yield* Effect.result(Scope.provide(login(examination, Math.max(1, deadline - now())), scope))
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

const againstPooler = (examination: Examination, size: number, held: string): Finding => {
  const { max } = examination.settings.pool
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

const afterProbe = Effect.fnUntraced(function* (examination: Examination): Effect.fn.Return<Finding> {
  const { held, refusal } = yield* probeCapacity(examination, examination.limitMillis * SHARE_OF_LIMIT)
  const { ceiling } = examination
  const { max } = examination.settings.pool
  if (ceiling !== undefined) return againstPooler(examination, ceiling, `; ${held} could be taken now`)
  const target = `max ${max}, ${held} taken`
  if (refusal !== undefined && max > held)
    return failed(examination, refusal, { target }, `; only ${held} could be taken`)
  const why =
    refusal === undefined ? `the probe stops at ${MOST_PROBED} or when its time is over` : wordFailure(refusal)
  return { target, status: "pass", details: `${held} sessions were granted at the same time; ${why}` }
})

const poolFinding = (examination: Examination): Effect.Effect<Finding> => {
  const { ceiling, isServerItself, probesCapacity, secondRefusal, settings } = examination
  const target = `max ${settings.pool.max}`
  if (isServerItself) {
    return Effect.succeed({ target, status: "info", details: "no pooler in between: max_connections is the limit" })
  }
  if (secondRefusal !== undefined && secondRefusal.class === "capacity") {
    const held = `; this login took the last free one (${wordFailure(secondRefusal)})`
    return Effect.succeed(
      ceiling === undefined
        ? failed(examination, secondRefusal, { target }, "; a second session was refused")
        : { ...againstPooler(examination, ceiling, held), status: "fail" }
    )
  }
  if (probesCapacity) return afterProbe(examination)
  if (ceiling !== undefined) return Effect.succeed(againstPooler(examination, ceiling, ""))
  return Effect.succeed({
    target,
    status: "info",
    details:
      "the pooler's pool size cannot be asked; it is told by the first refusal. Count it when nobody else needs " +
      `sessions: ${PROGRAM} doctor --only capacity --probe-capacity`
  })
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const limitFinding = ({ connection, settings }: Examination, view: ConnectionsView): Finding | undefined => {
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

const serverFinding = (examination: Examination, view: ConnectionsView): Finding => {
  const usable = Math.max(1, view.max - view.reserved)
  const share = view.used / usable
  const { max } = examination.settings.pool
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

const wordHolders = ({ holders, used }: ConnectionsView): string => {
  const shown = holders.map(
    ({ application, count, role }) => `${count} ${foreignName(role ?? "?")} "${foreignName(application ?? "")}"`
  )
  const rest = used - holders.reduce((sum, { count }) => sum + count, 0)
  return [...shown, ...(rest > 0 ? [`${rest} others`] : [])].join(", ")
}

const restingFinding = (examination: Examination, view: ConnectionsView): Finding | undefined => {
  const { idleInTransactionTimeout } = examination.settings
  const oldest = view.oldestIdleMillis ?? 0
  if (view.idleInTransaction === 0 || oldest < Duration.toMillis(idleInTransactionTimeout)) return undefined
  const who = view.oldestIdleApplication === null ? "" : ` of "${foreignName(view.oldestIdleApplication)}"`
  return {
    component: "Idle in tx",
    target: `over ${formatDuration(idleInTransactionTimeout)}`,
    status: "warn",
    details: `${counted(view.idleInTransaction, "transaction")} open and resting, the oldest${who} for ${wordTime(oldest)}: it holds a session and its locks`,
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
const settleSecond = Effect.fnUntraced(function* (examination: Examination) {
  const { isServerItself, second, secondRefusal } = examination
  if (second === undefined && secondRefusal === undefined && !isServerItself) yield* openSecond(examination)
  yield* examination.second?.leave ?? Effect.void
  examination.second = undefined
})

/** The pool against the pooler, the connections against the database, and who holds them. */
export const checkCapacity: Check = (examination, say) =>
  Effect.gen(function* () {
    const { client, now } = examination
    if (client === undefined) return
    const began = now()
    yield* settleSecond(examination)
    const pool = yield* poolFinding(examination)
    yield* say({ ...pool, millis: now() - began })
    const rows = yield* rowsOf(client, CONNECTIONS_SQL)
    const view = yield* Effect.orDie(decodeConnections(rows[0]?.["view"]))
    yield* say(serverFinding(examination, view))
    yield* say({ component: "Holders", target: "by role, application", status: "info", details: wordHolders(view) })
    const limit = limitFinding(examination, view)
    if (limit !== undefined) yield* say(limit)
    const resting = restingFinding(examination, view)
    if (resting !== undefined) yield* say(resting)
  })
