/** SQL and texts that the checks of tables share. */
import { counted } from "../../errors/Wording.ts"

/** SQL that selects user schemas: all but those of PostgreSQL itself. */
export const isUserSchema = (column: string): string => `${column} <> 'information_schema' and ${column} !~ '^pg_'`

/** SQL for a timestamp as ISO 8601. */
export const instant = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

/**
 * Tables whose size cannot be read without waiting, as `busy`: they, their TOAST table or one of their indexes are locked
 * exclusively, and reading a size takes a lock.
 */
export const busy = `locked as materialized (
  select distinct relation as oid from pg_locks
  where locktype = 'relation' and mode = 'AccessExclusiveLock' and pid is distinct from pg_backend_pid()
    and database = (select oid from pg_database where datname = current_database())
), busy as materialized (
  select oid from locked
  union select indrelid from pg_index join locked on locked.oid = indexrelid
  union select c.oid from pg_class as c join locked on locked.oid = reltoastrelid
)`

/** The note on tables without a size. */
export const unmeasured = (count: number): string | false =>
  count > 0 &&
  `${counted(count, "table is", "tables are")} locked exclusively, so sizes are missing: ` +
    "effect-supavisor inspect locks shows the holders."
