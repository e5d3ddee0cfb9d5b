/** The two checks of pg_stat_statements. */
import * as Check from "./Check.ts"
import { count, extra, maybe, millis, name, share, statement } from "./Column.ts"

const columns = {
  totalMillis: millis("total time of all calls"),
  share: maybe(share("share of the time of all statements")),
  calls: count("number of calls"),
  meanMillis: millis("average time of a call"),
  ioMillis: maybe(millis("time spent reading and writing blocks; null unless track_io_timing is on")),
  rows: extra(count("total rows returned or changed")),
  role: maybe(name("role that calls it")),
  statement: maybe(statement("the statement, with $1, $2 and so on for its values"))
}

const enable = "Enable it: create extension if not exists pg_stat_statements with schema extensions;"

const preload =
  "Add it to shared_preload_libraries and restart the server. On Supabase it is loaded already: Dashboard, Database, Extensions."

const unavailable = ({ facts }: Check.CheckInput): Check.Unavailable | undefined => {
  if (facts.statementsView === null) {
    return {
      unavailable: `The extension pg_stat_statements is not in the database ${facts.database}, so statements are not counted.`,
      nextSteps: [enable, ...(facts.statementsLoaded ? [] : [preload])]
    }
  }
  if (!facts.statementsLoaded) {
    return {
      unavailable: "The extension pg_stat_statements is created, but the server was started without its library.",
      nextSteps: [preload]
    }
  }
  return facts.statementsReadable
    ? undefined
    : {
        unavailable: `The role ${facts.role} may not read ${facts.statementsView}.`,
        nextSteps: [`Its owner can grant it: grant select on ${facts.statementsView} to ${facts.role};`]
      }
}

/** The columns for block times had other names before version 1.10 and before 1.11. */
const ioTime = ({ facts }: Check.CheckInput): string => {
  const has = new Set(facts.statementsColumns)
  const names = ["blk_read_time", "blk_write_time", "shared_blk_read_time", "shared_blk_write_time"]
    .concat(["local_blk_read_time", "local_blk_write_time", "temp_blk_read_time", "temp_blk_write_time"])
    .filter((name) => has.has(name))
  return facts.tracksIoTiming && names.length > 0 ? names.join(" + ") : "null::float8"
}

/** `total_time` is `total_exec_time` since version 1.8; an extension keeps the old names until it is updated. */
const totalTime = ({ facts }: Check.CheckInput): string =>
  facts.statementsColumns.includes("total_exec_time") ? "total_exec_time" : "total_time"

const statementsSql = (input: Check.CheckInput, order: string): string => `
with counted as materialized (
  select userid, query, calls, rows, ${totalTime(input)} as total, ${ioTime(input)} as io
  from ${input.facts.statementsView}
  where dbid = (select oid from pg_database where datname = current_database())
)
select round(total::numeric, 3)::float8 as "totalMillis",
  round((total / nullif((select sum(total) from counted), 0))::numeric, 4)::float8 as share, calls,
  round((total / greatest(calls, 1))::numeric, 3)::float8 as "meanMillis", round(io::numeric, 3)::float8 as "ioMillis",
  rows, pg_get_userbyid(userid) as role, query as statement
from counted order by ${order} desc, query limit ${input.limit}`

const define = (id: "outliers" | "calls", order: "total" | "calls", nextSteps: ReadonlyArray<string>): Check.Check =>
  Check.define({
    id,
    subject: "database",
    details:
      "Counted for this database since pg_stat_statements was last reset. The extension replaces values in statements by $1 " +
      "and so on, except in commands such as CREATE ROLE; the remaining text literals are removed here.",
    columns,
    query: (input) => unavailable(input) ?? { sql: statementsSql(input, order) },
    empty: () => "No statements have been counted since the statistics were reset.",
    unseen: (_, { facts }) => [
      !facts.seesStatements &&
        `The role ${facts.role} may not see the statements of other roles; the role pg_read_all_stats may.`
    ],
    nextSteps: (rows) => (rows.length === 0 ? [] : nextSteps)
  })

export const outliers = define("outliers", "total", [
  "Read the plan of the first one: explain (analyze, buffers) <statement>; in a transaction that is rolled back.",
  `A slow statement may need an index: ${Check.commandOf("table-stats")} shows tables with many sequential scans.`,
  "Reset the statistics: select pg_stat_statements_reset();"
])

export const calls = define("calls", "calls", [
  "Many calls that differ in one value are often a loop: one statement with in (...) can replace it.",
  `${Check.commandOf("outliers")} orders the same statements by time.`
])
