/** The two checks on pg_stat_statements: what takes the most time, and what is called most often. */
import * as Check from "./Check.ts"
import { count, extra, maybe, millis, name, share, statement } from "./Column.ts"

const columns = {
  totalMillis: millis("time of all calls together"),
  share: maybe(share("part of the time of all statements")),
  calls: count("how often it was called"),
  meanMillis: millis("time of one call on average"),
  ioMillis: maybe(millis("part of the time spent reading and writing blocks; null unless track_io_timing is on")),
  rows: extra(count("rows returned or changed, together")),
  role: maybe(name("who calls it")),
  statement: maybe(statement("the statement, with its values as $1, $2 and so on"))
}

const switchOn = "Switch it on: create extension if not exists pg_stat_statements with schema extensions;"

const startWithIt =
  "Add it to shared_preload_libraries and restart the server. On Supabase it is loaded already: Dashboard, Database, Extensions."

const unavailable = ({
  facts
}: Check.CheckInput): ReturnType<Parameters<typeof Check.define>[0]["query"]> | undefined => {
  if (facts.statementsView === null) {
    return {
      unavailable: `The extension pg_stat_statements is not in the database ${facts.database}, so nobody counts statements.`,
      nextSteps: [switchOn, ...(facts.statementsLoaded ? [] : [startWithIt])]
    }
  }
  if (!facts.statementsLoaded) {
    return {
      unavailable: "The extension pg_stat_statements is created, but the server was started without its library.",
      nextSteps: [startWithIt]
    }
  }
  return facts.statementsReadable
    ? undefined
    : {
        unavailable: `The role ${facts.role} may not read ${facts.statementsView}.`,
        nextSteps: [`The owner can change that: grant select on ${facts.statementsView} to ${facts.role};`]
      }
}

/** The time spent on blocks has had three sets of names: before 1.10, before 1.11, and since. */
const ioTime = ({ facts }: Check.CheckInput): string => {
  const has = new Set(facts.statementsColumns)
  const names = ["blk_read_time", "blk_write_time", "shared_blk_read_time", "shared_blk_write_time"]
    .concat(["local_blk_read_time", "local_blk_write_time", "temp_blk_read_time", "temp_blk_write_time"])
    .filter((name) => has.has(name))
  return facts.tracksIoTiming && names.length > 0 ? names.join(" + ") : "null::float8"
}

/** What was `total_time` is `total_exec_time` since 1.8; an extension keeps its old names until it is updated. */
const totalTime = ({ facts }: Check.CheckInput): string =>
  facts.statementsColumns.includes("total_exec_time") ? "total_exec_time" : "total_time"

const questionBy = (order: string) => (input: Check.CheckInput) =>
  unavailable(input) ?? {
    sql: `
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
  }

const hiddenStatements = ({ facts }: Check.CheckInput): ReadonlyArray<string> =>
  facts.seesStatements
    ? []
    : [`The role ${facts.role} may not see the statements of other roles; pg_read_all_stats would let it.`]

const details =
  "Counted since the statistics of pg_stat_statements were last reset, for this database. It replaces values in " +
  "statements by $1 and so on, except in commands such as CREATE ROLE: text literals are left out here."

const empty = (): string => "Nothing has been counted yet: the statistics were reset a moment ago."

/** What takes the most time. */
export const outliers = Check.define({
  id: "outliers",
  subject: "database",
  details,
  columns,
  query: questionBy("total"),
  empty,
  unseen: (_, input) => hiddenStatements(input),
  nextSteps: (rows) =>
    rows.length === 0
      ? []
      : [
          "See the plan of the first one: explain (analyze, buffers) <statement>; in a transaction that is rolled back.",
          `A slow one may want an index: ${Check.commandOf("table-stats")} shows tables that are read in whole.`,
          "Start counting anew: select pg_stat_statements_reset();"
        ]
})

/** What is called most often. */
export const calls = Check.define({
  id: "calls",
  subject: "database",
  details,
  columns,
  query: questionBy("calls"),
  empty,
  unseen: (_, input) => hiddenStatements(input),
  nextSteps: (rows) =>
    rows.length === 0
      ? []
      : [
          "Many calls of the same statement that differ in one value are often a loop that one statement with in (...) can replace.",
          `${Check.commandOf("outliers")} orders the same statements by time.`
        ]
})
