/** Rules about how sessions are used: leaks, slow statements, idle transactions and blocking. */
import * as Duration from "effect/Duration"
import { formatDuration } from "../../config/settings/Durations.ts"
import type { BlockedBackend, DatabaseView, Backend, Owner } from "../monitor/DatabaseView.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import { counted, firstFew, wordMillis } from "../../errors/Wording.ts"
import type { Advice, AdvisorInput } from "./Finding.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import { shortStatement } from "../../stats/StatementText.ts"

/** The holder of a session and its current or last statement. */
const holderOf = ({ holder, runningMillis, statement }: SessionEntry): string => {
  const text = shortStatement(statement ?? "")
  const activity = text === "" ? "" : runningMillis === undefined ? `, last ran: ${text}` : `, running: ${text}`
  return `${holder ?? "the pool itself"}${activity}`
}

const owners: { readonly [O in Owner]: string } = {
  ours: "of this application's name",
  pooler: "of the pooler",
  others: "of another client"
}

/** A connection of the server; one of this pool with its holder. */
const backendOf = (backend: Omit<Backend, "millis">, sessions: ReadonlyArray<SessionEntry>): string => {
  const entry = sessions.find(({ backendPid }) => backendPid === backend.pid)
  if (entry !== undefined) return `backend ${backend.pid} of this pool, held by ${holderOf(entry)}`
  const name = backend.application === null || backend.application === "" ? "" : ` (${backend.application})`
  return `backend ${backend.pid} ${owners[backend.owner]}${name}, role ${backend.user ?? "unknown"}`
}

/** The share of a timeout after which a finding begins, before the server cancels. */
const HALF = 0.5

/** Sessions that are held longer than DB_LEAK_THRESHOLD. */
export const sessionsLeaked = ({ sessions, settings, suspectedLeaks }: AdvisorInput): Advice | undefined => {
  const threshold = settings.pool.leakThreshold
  if (threshold === undefined) return undefined
  const held = suspectedLeaks.flatMap(
    ({ sessionId }) =>
      sessions.find(
        (entry) => entry.sessionId === sessionId && (entry.heldMillis ?? 0) >= Duration.toMillis(threshold)
      ) ?? []
  )
  if (held.length === 0) return undefined
  return {
    id: "sessions-leaked",
    severity: "warning",
    title: "Sessions are not released",
    detail: firstFew(
      held.map((entry) => `${wordMillis(entry.heldMillis ?? 0)} by ${holderOf(entry)}`),
      "; "
    ),
    remedy:
      "Release the session as soon as the work is done: use SessionPool.use or a scope that closes, and keep slow work " +
      `that needs no database outside of it. Raise DB_LEAK_THRESHOLD (${formatDuration(threshold)}) for intended use.`
  }
}

const isOverdue = (event: PoolEvent): event is PoolEvent & { readonly _tag: "StatementOverdue" } =>
  event._tag === "StatementOverdue"

/** The limit for statements of other clients (Supabase CLI, `inspect db long-running-queries`). */
const LONG_RUNNING_MILLIS = 300_000

/** Slow statements: of this pool by its own clock, of other clients by the server's. */
export const slowStatements = ({ database, events, sessions, settings }: AdvisorInput): Advice | undefined => {
  const limit = Duration.toMillis(settings.statementTimeout)
  const slow = sessions.filter(({ runningMillis }) => (runningMillis ?? 0) >= limit * HALF)
  const overdue = events.filter(isOverdue)
  const query = database?.longestQuery ?? undefined
  const elsewhere =
    query !== undefined &&
    query.millis >= (query.owner === "ours" ? limit * HALF : LONG_RUNNING_MILLIS) &&
    !sessions.some(({ backendPid }) => backendPid === query.pid)
      ? [`${wordMillis(query.millis)} by ${backendOf(query, sessions)}`]
      : []
  const running = [
    ...slow.map((entry) => `${wordMillis(entry.runningMillis ?? 0)} by ${holderOf(entry)}`),
    ...elsewhere
  ]
  if (running.length + overdue.length === 0) return undefined
  const ended =
    overdue.length === 0 ? "" : `${counted(overdue.length, "statement")} got no answer in the last ten minutes. `
  return {
    id: "slow-statements",
    severity: "warning",
    title: "Statements are slow",
    detail: `${ended}${running.length === 0 ? "" : `Running: ${firstFew(running, "; ")}`}`.trim(),
    remedy:
      "Run EXPLAIN (ANALYZE, BUFFERS) on the statement; add the index it lacks or restructure it. If all statements " +
      "are slow, check CPU and memory of the database in its dashboard. Raise DB_STATEMENT_TIMEOUT " +
      `(${formatDuration(settings.statementTimeout)}) last.`
  }
}

/** Shorter waits for locks are normal; five times PostgreSQL's deadlock_timeout. */
const LONG_BLOCK_MILLIS = 5000

const longBlocked = (view: DatabaseView): ReadonlyArray<BlockedBackend> =>
  view.blocked.filter(({ millis }) => millis >= LONG_BLOCK_MILLIS)

const blockersIn = (view: DatabaseView): ReadonlySet<number> =>
  new Set(longBlocked(view).flatMap(({ blockers }) => blockers.map(({ pid }) => pid)))

/** Sessions idle in a transaction: they keep locks and prevent the removal of dead rows. */
export const idleInTransaction = ({ database, sessions, settings }: AdvisorInput): Advice | undefined => {
  if (database === undefined) return undefined
  const blockers = blockersIn(database)
  const limit = Duration.toMillis(settings.idleInTransactionTimeout) * HALF
  const idle = database.idleInTransaction.filter(({ millis, pid }) => millis >= limit || blockers.has(pid))
  if (idle.length === 0) return undefined
  const isBlocking = idle.some(({ pid }) => blockers.has(pid))
  return {
    id: "idle-in-transaction",
    severity: isBlocking ? "critical" : "warning",
    title: "Transactions are open and idle",
    detail: firstFew(
      idle.map(
        (backend) =>
          `${wordMillis(backend.millis)} by ${backendOf(backend, sessions)}` +
          (blockers.has(backend.pid) ? ", which blocks others" : "")
      ),
      "; "
    ),
    remedy:
      "Commit or roll back before work that needs no database. To end one that hangs, run select pg_terminate_backend(pid); " +
      "a cancel has no effect on it. DB_IDLE_IN_TRANSACTION_TIMEOUT " +
      `(${formatDuration(settings.idleInTransactionTimeout)}) bounds this pool's own; give other roles an ` +
      "idle_in_transaction_session_timeout, too."
  }
}

/** Longer waits for a lock are critical (Supabase CLI, `inspect report`, rule on old locks). */
const CRITICAL_BLOCK_MILLIS = 120_000

const holdersOf = (blocked: BlockedBackend, sessions: AdvisorInput["sessions"]): string => {
  const named = blocked.blockers.map((blocker) => `${backendOf(blocker, sessions)}, ${blocker.state}`)
  return firstFew(blocked.byPrepared ? [...named, "a prepared transaction (see pg_prepared_xacts)"] : named, "; ")
}

/** Statements that wait for a lock, with the backends that hold it. */
export const blockedStatements = ({ database, sessions }: AdvisorInput): Advice | undefined => {
  const blocked = database === undefined ? [] : longBlocked(database)
  const [longest] = blocked
  if (longest === undefined) return undefined
  return {
    id: "blocked-statements",
    severity: longest.millis >= CRITICAL_BLOCK_MILLIS ? "critical" : "warning",
    title: "Statements wait for locks",
    detail:
      `${counted(blocked.length, "statement waits", "statements wait")}, the longest for ${wordMillis(longest.millis)}: ` +
      `${backendOf(longest, sessions)}, blocked by ${holdersOf(longest, sessions)}`,
    remedy:
      "End the blocking transaction, or run select pg_terminate_backend(pid) if its client is gone. Keep transactions " +
      "short, take locks in one order, and set lock_timeout where a wait is useless."
  }
}
