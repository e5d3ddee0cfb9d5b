/** What the checks of tables have in common: which tables, and which of them may not be measured now. */
import { counted } from "../../errors/Wording.ts"

/** Schemas of PostgreSQL itself. */
export const isUserSchema = (column: string): string => `${column} <> 'information_schema' and ${column} !~ '^pg_'`

/**
 * Tables under a lock that also keeps a measurement of their size waiting, as `busy`: the size of a table is input
 * under a lock of its own, and a check must wait for nobody. Includes those whose index or TOAST table is locked.
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

/** What is not said of tables that are locked. */
export const unmeasured = (count: number): ReadonlyArray<string> =>
  count === 0
    ? []
    : [
        `${counted(count, "table is", "tables are")} locked exclusively just now, so sizes are missing: ` +
          "effect-supavisor inspect locks says by whom."
      ]
