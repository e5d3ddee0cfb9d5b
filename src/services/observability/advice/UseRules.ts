/** Rules about what sessions are used for: too long, without an end, in each other's way. */
import * as Duration from "effect/Duration"
import { formatDuration } from "../../config/settings/Durations.ts"
import type { BlockedBackend, DatabaseView } from "../monitor/DatabaseView.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import { counted, firstFew, wordMillis } from "../../errors/Wording.ts"
import type { Advice } from "./Finding.ts"
import type { AdvisorInput } from "./AdvisorInput.ts"
import { backendOf, holderOf } from "./Format.ts"

/** Half of a timeout is gone: late enough to be slow, early enough to be seen before the server ends it. */
const HALF = 0.5

/** Leaks: sessions that are held longer than DB_LEAK_THRESHOLD and have not come back. */
export const sessionsLeaked = ({
  sessions: ledger,
  settings,
  suspectedLeaks: suspects
}: AdvisorInput): Advice | undefined => {
  const threshold = settings.pool.leakThreshold
  if (threshold === undefined) return undefined
  const held = suspects.flatMap(
    ({ sessionId }) =>
      ledger.find(
        (entry) => entry.sessionId === sessionId && (entry.heldMillis ?? 0) >= Duration.toMillis(threshold)
      ) ?? []
  )
  if (held.length === 0) return undefined
  return {
    id: "sessions-leaked",
    severity: "warning",
    title: "Sessions are not given back",
    detail: firstFew(
      held.map((entry) => `${wordMillis(entry.heldMillis ?? 0)} by ${holderOf(entry)}`),
      "; "
    ),
    remedy:
      "Give the session back as soon as the work is done: use SessionPool.use or a scope that closes, and keep slow " +
      `work that needs no database outside of it. Raise DB_LEAK_THRESHOLD (${formatDuration(threshold)}) if it is meant.`
  }
}

const isOverdue = (event: PoolEvent): event is PoolEvent & { readonly _tag: "StatementOverdue" } =>
  event._tag === "StatementOverdue"

/** What other clients run is their affair for five minutes (Supabase CLI, `inspect db long-running-queries`). */
const LONG_RUNNING_MILLIS = 300_000

/** Slow statements: of this pool by its own clock, of everybody else by the server's. */
export const slowStatements = ({ database, events, sessions: ledger, settings }: AdvisorInput): Advice | undefined => {
  const limit = Duration.toMillis(settings.statementTimeout)
  const slow = ledger.filter(({ runningMillis }) => (runningMillis ?? 0) >= limit * HALF)
  const overdue = events.filter(isOverdue)
  const query = database?.longestQuery ?? undefined
  const elsewhere =
    query !== undefined &&
    query.millis >= (query.owner === "ours" ? limit * HALF : LONG_RUNNING_MILLIS) &&
    !ledger.some(({ backendPid }) => backendPid === query.pid)
      ? [`${wordMillis(query.millis)} by ${backendOf(query, ledger)}`]
      : []
  const running = [
    ...slow.map((entry) => `${wordMillis(entry.runningMillis ?? 0)} by ${holderOf(entry)}`),
    ...elsewhere
  ]
  if (running.length + overdue.length === 0) return undefined
  const ended = overdue.length === 0 ? "" : `${counted(overdue.length, "statement")} got no answer in ten minutes. `
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

/** Shorter waits for locks are every day's work, in milliseconds: five times PostgreSQL's deadlock_timeout. */
const LONG_BLOCK_MILLIS = 5000

const longBlocked = (view: DatabaseView): ReadonlyArray<BlockedBackend> =>
  view.blocked.filter(({ millis }) => millis >= LONG_BLOCK_MILLIS)

/** Who stands in somebody's way. */
const blockersIn = (view: DatabaseView): ReadonlySet<number> =>
  new Set(longBlocked(view).flatMap(({ blockers }) => blockers.map(({ pid }) => pid)))

/** Sessions idle in a transaction: locks are kept and dead rows stay for a client that does something else. */
export const idleInTransaction = ({ database, sessions: ledger, settings }: AdvisorInput): Advice | undefined => {
  if (database === undefined) return undefined
  const blockers = blockersIn(database)
  const limit = Duration.toMillis(settings.idleInTransactionTimeout) * HALF
  const idle = database.idleInTransaction.filter(({ millis, pid }) => millis >= limit || blockers.has(pid))
  if (idle.length === 0) return undefined
  const isBlocking = idle.some(({ pid }) => blockers.has(pid))
  return {
    id: "idle-in-transaction",
    severity: isBlocking ? "critical" : "warning",
    title: "Transactions are open and do nothing",
    detail: firstFew(
      idle.map(
        (backend) =>
          `${wordMillis(backend.millis)} by ${backendOf(backend, ledger)}` +
          (blockers.has(backend.pid) ? ", which others wait for" : "")
      ),
      "; "
    ),
    remedy:
      "Commit or roll back before work that needs no database. To end one that hangs: select pg_terminate_backend(pid), " +
      "because a cancel does not reach it. DB_IDLE_IN_TRANSACTION_TIMEOUT " +
      `(${formatDuration(settings.idleInTransactionTimeout)}) bounds this pool's own; give other roles an ` +
      "idle_in_transaction_session_timeout, too."
  }
}

/** Nobody should wait for a lock for longer (Supabase CLI, `inspect report`, rule on old locks). */
const UNBEARABLE_BLOCK_MILLIS = 120_000

const holdersOf = (blocked: BlockedBackend, ledger: AdvisorInput["sessions"]): string => {
  const named = blocked.blockers.map((blocker) => `${backendOf(blocker, ledger)}, ${blocker.state}`)
  return firstFew(blocked.byPrepared ? [...named, "a prepared transaction (see pg_prepared_xacts)"] : named, "; ")
}

/** Statements that wait for a lock, and who holds it. */
export const blockedStatements = ({ database, sessions: ledger }: AdvisorInput): Advice | undefined => {
  const blocked = database === undefined ? [] : longBlocked(database)
  const [longest] = blocked
  if (longest === undefined) return undefined
  return {
    id: "blocked-statements",
    severity: longest.millis >= UNBEARABLE_BLOCK_MILLIS ? "critical" : "warning",
    title: "Statements wait for locks",
    detail:
      `${counted(blocked.length, "statement")} of ${wordMillis(longest.millis)} and less. The longest is of ` +
      `${backendOf(longest, ledger)}, behind: ${holdersOf(longest, ledger)}`,
    remedy:
      "End the transaction in front, or select pg_terminate_backend(pid) if its client is gone. Keep transactions " +
      "short, take locks in one order, and set lock_timeout where waiting makes no sense."
  }
}
