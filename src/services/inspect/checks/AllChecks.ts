/** All checks, in the order of lists and reports. */
import { activity } from "./ActivityCheck.ts"
import { bloat } from "./BloatCheck.ts"
import { blocking } from "./BlockingCheck.ts"
import type { Check } from "./Check.ts"
import { connectionAge } from "./ConnectionAgeCheck.ts"
import { databaseStats } from "./DatabaseStatsCheck.ts"
import { idleInTransaction } from "./IdleInTransactionCheck.ts"
import { indexStats } from "./IndexStatsCheck.ts"
import { locks } from "./LocksCheck.ts"
import { longRunningQueries } from "./LongRunningQueriesCheck.ts"
import { poolUtilization } from "./PoolUtilizationCheck.ts"
import { replicationSlots } from "./ReplicationSlotsCheck.ts"
import { roleStats } from "./RoleStatsCheck.ts"
import { calls, outliers } from "./StatementChecks.ts"
import { tableStats } from "./TableStatsCheck.ts"
import { vacuumStats } from "./VacuumStatsCheck.ts"

export const checks: ReadonlyArray<Check> = [
  activity,
  poolUtilization,
  connectionAge,
  longRunningQueries,
  blocking,
  locks,
  idleInTransaction,
  roleStats,
  outliers,
  calls,
  databaseStats,
  indexStats,
  tableStats,
  bloat,
  vacuumStats,
  replicationSlots
]
