/** A status as blocks of lines: one line per subject, then findings, sessions and waiters. */
import { cut, fill } from "../terminal/PlainText.ts"
import { formatBytes, formatMillis, formatRate, formatSeconds, formatShare } from "../terminal/Quantity.ts"
import { sessionRows, waiterRows } from "./Sessions.ts"
import type { Finding, StatusBody } from "./StatusBody.ts"
import { verdictOf, verdictWords } from "./Verdict.ts"
import { wrap } from "../terminal/Wrap.ts"

/** As wide as the longest name of a line, and a gap. */
const NAME_WIDTH = 12

/** Narrower than this nothing can be read. */
const NARROWEST = 40

const block = (name: string, text: string, width: number): ReadonlyArray<string> =>
  wrap(text, width - NAME_WIDTH).map((line, index) => fill(index === 0 ? name : "", NAME_WIDTH) + line)

/** Both quantiles and the tail, in the order in which they are read. */
const quantileWords = (of: {
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}): string => `p50 ${formatMillis(of.p50)}, p95 ${formatMillis(of.p95)}, p99 ${formatMillis(of.p99)}`

/** A finding as a line and, below it, what to do. */
export const findingLines = (finding: Finding, width: number): ReadonlyArray<string> => [
  ...wrap(`${finding.severity}: ${finding.title}. ${finding.detail}`, width),
  ...wrap(`To do: ${finding.remedy}`, width - 2).map((line) => `  ${line}`)
]

const sessions = ({ pool }: StatusBody): string =>
  `${pool.open} of ${pool.max}: ${pool.used} used, ${pool.idle} idle; ${pool.connecting} connecting, ` +
  `${pool.closing} closing; ceiling ${pool.ceiling}`

const waiting = ({ pool }: StatusBody): string => {
  const most = typeof pool.maxWaiting === "number" ? ` of at most ${pool.maxWaiting}` : ""
  const oldest = pool.waiting > 0 ? `, the oldest for ${formatMillis(pool.oldestWaitMillis)}` : ""
  return `${pool.waiting}${most}${oldest}`
}

const program = ({ demo, process, uptimeSeconds, version }: StatusBody): string =>
  [
    `effect-supavisor ${version}`,
    `up ${formatSeconds(uptimeSeconds)}`,
    ...(process
      ? [
          `pid ${process.pid}`,
          `Node.js ${process.nodeVersion}`,
          `${formatShare(process.cpu)} of a core`,
          formatBytes(process.rssBytes),
          `event loop p99 ${formatMillis(process.loopDelayP99Millis)}`
        ]
      : []),
    ...(demo === true ? ["with the demonstration load"] : [])
  ].join(", ")

/** The lines, none wider than the width; `now` is wall-clock milliseconds. */
export const statusTable = (status: StatusBody, base: string, wanted: number, now: number): ReadonlyArray<string> => {
  const width = Math.max(NARROWEST, wanted)
  const verdict = verdictOf(status, now)
  const { endpoint, lastFailure, query, wait } = status
  const findings = status.findings ?? []
  const waiters = status.waiters ?? []
  return [
    ...block("STATE", verdictWords(verdict), width),
    ...(verdict.remedy === undefined ? [] : block("TO DO", verdict.remedy, width)),
    ...block("PROGRAM", program(status), width),
    ...block("ADDRESS", base, width),
    ...block("DATABASE", `${endpoint.host}:${endpoint.port}/${endpoint.database}`, width),
    ...block("SESSIONS", sessions(status), width),
    ...block("WAITING", waiting(status), width),
    ...(wait ? block("WAITS", quantileWords(wait), width) : []),
    ...(query ? block("QUERIES", `${formatRate(query.perSecond)}, ${quantileWords(query)}`, width) : []),
    ...(lastFailure
      ? block(
          "LAST ERROR",
          `${lastFailure.message} (${lastFailure.code}, ${formatMillis(lastFailure.agoMillis)} ago)`,
          width
        )
      : []),
    ...(findings.length === 0 ? [] : ["", ...findings.flatMap((finding) => findingLines(finding, width))]),
    ...(status.ledger.length === 0 ? [] : ["", ...sessionRows(status.ledger, width)]),
    ...(waiters.length === 0 ? [] : ["", ...waiterRows(waiters, width)])
  ].map((line) => cut(line, width))
}
