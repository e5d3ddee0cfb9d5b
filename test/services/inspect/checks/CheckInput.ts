import type { CheckInput } from "../../../../src/services/inspect/checks/Check.ts"
import type { ServerFacts } from "../../../../src/services/inspect/checks/ServerFacts.ts"

/** The facts of a PostgreSQL 17 for a role with all privileges. */
export const factsOf = (facts: Partial<ServerFacts> = {}): ServerFacts => ({
  version: "17.4",
  versionNumber: 170_004,
  database: "postgres",
  role: "postgres",
  at: Date.parse("2026-11-22T12:00:00Z"),
  maxConnections: 60,
  reservedConnections: 3,
  hiddenSessions: 0,
  canSeeBlocking: true,
  seesWal: true,
  seesStatements: true,
  tracksIoTiming: true,
  statementsView: "extensions.pg_stat_statements",
  statementsColumns: ["total_exec_time", "shared_blk_read_time", "shared_blk_write_time"],
  statementsReadable: true,
  statementsLoaded: true,
  statsResetAt: null,
  ...facts
})

/** The input of a check with default values. */
export const inputOf = ({
  facts,
  ...input
}: Partial<Omit<CheckInput, "facts">> & { facts?: Partial<ServerFacts> } = {}): CheckInput => ({
  facts: factsOf(facts),
  limit: 20,
  longerThanMillis: 300_000,
  applicationName: "effect-supavisor",
  poolMax: 5,
  connectionType: "supavisor_session",
  poolerSize: undefined,
  idleInTransactionMillis: 60_000,
  secrets: [],
  ...input
})
