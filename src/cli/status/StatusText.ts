/** A status as one line or as a table. Texts in the status contain no control characters any more. */
import type { StatusBody, StatusFinding, StatusSession, StatusWaiter } from "../../http/StatusSchema.ts"
import { cut, fill, wrap } from "../terminal/PlainText.ts"
import { formatMillis, formatRate, formatSeconds, formatShare } from "../terminal/Quantity.ts"
import { wordBytes } from "../../services/errors/Wording.ts"
import { type TableColumn, tableOf } from "../terminal/Table.ts"

/** The verdict as `Up for 2h 13m: The database answers.`; `now` is wall-clock milliseconds. */
export const verdictText = ({ verdict }: StatusBody, now: number): string =>
  `${verdict.word} for ${formatMillis(now - verdict.since)}: ${verdict.reason}`

const pair = (name: string, value: string): string => `${name}=${value.replaceAll(" ", "")}`

const databaseOf = ({ endpoint }: StatusBody): string => `${endpoint.host}:${endpoint.port}/${endpoint.database}`

/** The verdict and pairs as in the pool's log lines, for a person and for `grep`. */
export const statusLine = (status: StatusBody, now: number): string => {
  const { pool, query, wait } = status
  return [
    `${verdictText(status, now)} |`,
    pair("open", `${pool.open}/${pool.max}`),
    pair("used", `${pool.used}`),
    pair("idle", `${pool.idle}`),
    pair("connecting", `${pool.connecting}`),
    pair("waiting", `${pool.waiting}`),
    pair("ceiling", `${pool.ceiling}`),
    pair("wait_p95", formatMillis(wait.p95)),
    pair("query_p95", formatMillis(query.p95)),
    pair("queries", formatRate(query.perSecond)),
    pair("findings", `${status.findings?.length ?? 0}`),
    pair("database", databaseOf(status)),
    ...(status.demo ? ["demo=true"] : [])
  ].join(" ")
}

interface Column<A> extends TableColumn {
  readonly of: (row: A) => string
}

/** As wide as `59m 59s`, so that columns keep their place while durations change. */
const DURATION_WIDTH = 7

const column = <A>(header: string, of: (row: A) => string): Column<A> => ({
  header,
  of,
  align: "left",
  isElastic: false,
  isExtra: false
})

const number = <A>(header: string, of: (row: A) => string): Column<A> => ({ ...column(header, of), align: "right" })

const duration = <A>(header: string, of: (row: A) => number | undefined): Column<A> =>
  number(header, (row) => formatMillis(of(row)).padStart(DURATION_WIDTH))

/** Left out on a narrow terminal. */
const extra = <A>(of: Column<A>): Column<A> => ({ ...of, isExtra: true })

/** Cut on a narrow terminal. */
const elastic = <A>(of: Column<A>): Column<A> => ({ ...of, isElastic: true })

const table = <A>(columns: ReadonlyArray<Column<A>>, rows: ReadonlyArray<A>, width: number): ReadonlyArray<string> => {
  const cells = rows.map((row) => columns.map(({ of }) => of(row)))
  return tableOf(columns, cells, Number.isFinite(width) ? width : undefined).lines
}

/** Longer holders, which are names of spans, are cut. */
const HOLDER_WIDTH = 24

const activity = ({ idleMillis, lastError, runningMillis, statement, state }: StatusSession): string => {
  const error = lastError === null ? "" : ` [last error: ${lastError}]`
  if (state === "idle") return `idle for ${formatMillis(idleMillis)}${error}`
  if (statement === undefined) return `no statement yet${error}`
  return runningMillis === undefined
    ? `ran: ${statement}${error}`
    : `runs for ${formatMillis(runningMillis)}: ${statement}${error}`
}

const sessionColumns: ReadonlyArray<Column<StatusSession>> = [
  number("ID", ({ sessionId }) => `${sessionId}`),
  number("PID", ({ backendPid }) => `${backendPid}`),
  column("STATE", ({ state }) => state),
  duration("HELD", ({ heldMillis }) => heldMillis),
  extra(column("BY", ({ holder }) => cut(holder ?? "-", HOLDER_WIDTH))),
  extra(duration("AGE", ({ ageMillis }) => ageMillis)),
  extra(number("USES", ({ uses }) => `${uses}`)),
  elastic(column("ACTIVITY", activity))
]

/** The longest held first: other callers wait for those. */
const byHeldTime = (one: StatusSession, other: StatusSession): number =>
  (other.heldMillis ?? -1) - (one.heldMillis ?? -1) || one.sessionId - other.sessionId

export const sessionRows = (sessions: ReadonlyArray<StatusSession>, width: number): ReadonlyArray<string> =>
  table(sessionColumns, sessions.toSorted(byHeldTime), width)

const waiterColumns: ReadonlyArray<Column<StatusWaiter>> = [
  duration("WAITING", ({ waitingMillis }) => waitingMillis),
  duration("GIVES UP AFTER", ({ deadlineMillis }) => deadlineMillis),
  elastic(column("CALLER", ({ holder }) => holder))
]

/** The waiters, oldest first, as a table with a line of headers. */
export const waiterRows = (waiters: ReadonlyArray<StatusWaiter>, width: number): ReadonlyArray<string> =>
  table(waiterColumns, waiters, width)

export const findingLines = (finding: StatusFinding, width: number): ReadonlyArray<string> => [
  ...wrap(`${finding.severity}: ${finding.title}. ${finding.detail}`, width),
  ...wrap(`To do: ${finding.remedy}`, width - 2).map((line) => `  ${line}`)
]

/** The longest name and a gap. */
const NAME_WIDTH = 12

/** Narrower terminals are treated as this wide. */
const NARROWEST = 40

const block = (name: string, text: string, width: number): ReadonlyArray<string> =>
  wrap(text, width - NAME_WIDTH).map((line, index) => fill(index === 0 ? name : "", NAME_WIDTH) + line)

const quantiles = ({ p50, p95, p99 }: StatusBody["wait"]): string =>
  `p50 ${formatMillis(p50)}, p95 ${formatMillis(p95)}, p99 ${formatMillis(p99)}`

const poolText = ({ pool }: StatusBody): string =>
  `${pool.open} of ${pool.max}: ${pool.used} used, ${pool.idle} idle; ${pool.connecting} connecting, ` +
  `${pool.closing} closing; ceiling ${pool.ceiling}`

const waitingText = ({ pool }: StatusBody): string =>
  `${pool.waiting} of at most ${pool.maxWaiting}` +
  (pool.waiting > 0 ? `, the oldest for ${formatMillis(pool.oldestWaitMillis)}` : "")

const programText = ({ demo, process, uptimeSeconds, version }: StatusBody): string =>
  [
    `effect-supavisor ${version}`,
    `up ${formatSeconds(uptimeSeconds)}`,
    `pid ${process.pid}`,
    `Node.js ${process.nodeVersion}`,
    `${formatShare(process.cpu)} of a core`,
    wordBytes(process.rssBytes),
    `event loop p99 ${formatMillis(process.loopDelayP99Millis)}`,
    ...(demo ? ["with the demonstration load"] : [])
  ].join(", ")

/** The table: a line for each subject, then findings, sessions and waiters. No line is wider than the width. */
export const statusTable = (status: StatusBody, base: string, wanted: number, now: number): ReadonlyArray<string> => {
  const width = Math.max(NARROWEST, wanted)
  const { lastFailure, query, sessions, verdict, wait, waiters } = status
  const findings = status.findings ?? []
  return [
    ...block("STATE", verdictText(status, now), width),
    ...(verdict.remedy === undefined ? [] : block("TO DO", verdict.remedy, width)),
    ...block("PROGRAM", programText(status), width),
    ...block("ADDRESS", base, width),
    ...block("DATABASE", databaseOf(status), width),
    ...block("SESSIONS", poolText(status), width),
    ...block("WAITING", waitingText(status), width),
    ...block("WAITS", quantiles(wait), width),
    ...block("QUERIES", `${formatRate(query.perSecond)}, ${quantiles(query)}`, width),
    ...(lastFailure === null
      ? []
      : block(
          "LAST ERROR",
          `${lastFailure.message} (${lastFailure.code}, ${formatMillis(lastFailure.agoMillis)} ago)`,
          width
        )),
    ...(findings.length === 0 ? [] : ["", ...findings.flatMap((finding) => findingLines(finding, width))]),
    ...(sessions.length === 0 ? [] : ["", ...sessionRows(sessions, width)]),
    ...(waiters.length === 0 ? [] : ["", ...waiterRows(waiters, width)])
  ].map((line) => cut(line, width))
}
