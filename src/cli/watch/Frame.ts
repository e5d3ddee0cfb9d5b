/** The live view as lines, from what is known: pure, and never wider or longer than the terminal. */
import { cut, fill, fillLeft, widthOf } from "../terminal/PlainText.ts"
import { formatBytes, formatMillis, formatRate, formatSeconds, formatShare } from "../terminal/Quantity.ts"
import { sessionRows, waiterRows } from "../status/Sessions.ts"
import type { StatusBody } from "../status/StatusBody.ts"
import { findingLines } from "../status/StatusTable.ts"
import { type Mood, verdictOf, verdictWords } from "../status/Verdict.ts"
import { arrange, type Block, type Line, line, type Tone } from "./Blocks.ts"
import type { Point, ShownEvent } from "./FeedMessage.ts"
import { sparkline } from "./Sparkline.ts"
import type { WatchState } from "./WatchState.ts"
import { MILLIS_PER_SECOND } from "../../services/errors/Units.ts"
import { wrap } from "../terminal/Wrap.ts"

/** The terminal, and what a frame needs beside the state. */
export interface View {
  readonly columns: number
  readonly rows: number
  /** Wall-clock milliseconds. */
  readonly now: number
  /** The address that is asked. */
  readonly base: string
  /** The characters of the courses, lowest first. */
  readonly characters: string
}

/** Which block gets its rows first. */
const RANK = {
  verdict: 0,
  numbers: 1,
  findings: 2,
  trends: 3,
  waiters: 4,
  sessions: 5,
  header: 6,
  events: 7,
  footer: 8
}

/** A status comes every second; later than this it is not the truth any more. */
const STALE_MILLIS = 3000

const moodTones: { readonly [Of in Mood]: Tone } = { good: "good", limited: "limited", bad: "bad" }

const both = (left: string, right: string, width: number): string =>
  widthOf(left) + widthOf(right) + 1 > width ? left : left + fillLeft(right, width - widthOf(left))

const timeOf = (at: number): string => new Date(at).toISOString().slice(11, 19)

/** The first facts, as many as there is room for in one line, but one at least. */
const asManyAsFit = (facts: ReadonlyArray<string>, width: number): string =>
  facts.reduce((said, fact) => {
    const longer = `${said}, ${fact}`
    return widthOf(longer) > width ? said : longer
  })

const header = (state: WatchState, { base, columns, now }: View): Block => {
  const { status } = state
  const name = status === undefined ? "effect-supavisor" : `effect-supavisor ${status.version}`
  const demo = status?.demo === true ? " (demonstration load)" : ""
  const lines = [line(both(`${name} at ${base}${demo}`, `${timeOf(now)} UTC`, columns), "strong")]
  if (status !== undefined) {
    const { endpoint, process, uptimeSeconds } = status
    const facts = [
      `${endpoint.host}:${endpoint.port}/${endpoint.database}`,
      `up ${formatSeconds(uptimeSeconds)}`,
      ...(process
        ? [
            `pid ${process.pid}`,
            `cpu ${formatShare(process.cpu)}`,
            formatBytes(process.rssBytes),
            `loop p99 ${formatMillis(process.loopDelayP99Millis)}`
          ]
        : [])
    ]
    lines.push(line(asManyAsFit(facts, columns), "faint"))
  }
  return { rank: RANK.header, least: 1, lines }
}

const verdict = (state: WatchState, { columns, now }: View): Block => {
  const lines: Array<Line> = []
  const { lost, status } = state
  const late = now - state.statusAt
  if (lost !== undefined) {
    const text = `Not connected for ${formatMillis(now - lost.since)}: ${lost.why}. Trying again.`
    lines.push(...wrap(text, columns).map((part) => line(part, "bad")))
  } else if (status === undefined) {
    lines.push(line("Connected, waiting for the first status.", "faint"))
  } else if (late > STALE_MILLIS) {
    lines.push(line(`No word for ${formatMillis(late)}: what is below is old.`, "bad"))
  }
  if (status !== undefined) {
    const reading = verdictOf(status, state.statusAt)
    const isOld = lines.length > 0
    const tone = isOld ? "faint" : moodTones[reading.mood]
    lines.push(
      ...wrap(`${isOld ? "Last known: " : ""}${verdictWords(reading)}`, columns).map((part) => line(part, tone))
    )
    if (reading.remedy !== undefined) {
      lines.push(...wrap(`To do: ${reading.remedy}`, columns).map((part) => line(part)))
    }
  }
  return { rank: RANK.verdict, least: 1, lines }
}

/** As wide as the largest count that is likely, so that numbers keep their place. */
const COUNT_WIDTH = 4

const numbers = ({ pool }: StatusBody): Block => {
  const words = [
    `used${fillLeft(`${pool.used}`, COUNT_WIDTH)}`,
    `idle${fillLeft(`${pool.idle}`, COUNT_WIDTH)}`,
    `waiting${fillLeft(`${pool.waiting}`, COUNT_WIDTH)}`,
    `connecting${fillLeft(`${pool.connecting}`, COUNT_WIDTH)}`,
    `ceiling ${pool.ceiling} of ${pool.max}`
  ]
  return { rank: RANK.numbers, least: 1, lines: [line(words.join("   "), "strong")] }
}

const NAME_WIDTH = 10
const VALUE_WIDTH = 8
const PEAK_WIDTH = 14
/** Narrower terminals do without the peak. */
const WIDTH_WITH_PEAK = 60

interface Trend {
  readonly name: string
  readonly of: (point: Point) => number | null
  readonly format: (value: number | null | undefined) => string
  readonly top?: (status: StatusBody) => number
}

const whole = (value: number | null | undefined): string => (typeof value === "number" ? `${value}` : "-")

const trendsOf = (stepMillis: number): ReadonlyArray<Trend> => {
  const rate = ({ queries }: Point): number => (queries * MILLIS_PER_SECOND) / stepMillis
  return [
    { name: "used", of: ({ used }) => used, format: whole, top: ({ pool }) => pool.max },
    { name: "waiting", of: ({ waiting }) => waiting, format: whole },
    { name: "wait p95", of: ({ waitP95 }) => waitP95, format: formatMillis },
    { name: "query p95", of: ({ queryP95 }) => queryP95, format: formatMillis },
    { name: "queries", of: rate, format: formatRate }
  ]
}

const trends = (status: StatusBody, { points, stepMillis }: WatchState, { characters, columns }: View): Block => {
  const peakWidth = columns >= WIDTH_WITH_PEAK ? PEAK_WIDTH : 0
  const width = Math.max(1, columns - NAME_WIDTH - VALUE_WIDTH - 2 - peakWidth)
  const lines = trendsOf(stepMillis).map(({ format, name, of, top }) => {
    const values = points.map(of)
    const measured = values.slice(-width).filter((value) => value !== null)
    const peak = measured.length === 0 ? "-" : format(Math.max(...measured))
    const course = sparkline(values, width, characters, top?.(status))
    const end = peakWidth === 0 ? "" : fill(`  peak ${peak}`, peakWidth)
    return line(`${fill(name, NAME_WIDTH)}${fillLeft(format(values.at(-1)), VALUE_WIDTH)}  ${course}${end}`)
  })
  const span = Math.min(width, points.length) * stepMillis
  const title = line(`LAST ${formatMillis(span)}, ${formatMillis(stepMillis)} each`, "faint")
  const all = points.length === 0 ? [] : [title, ...lines]
  return { rank: RANK.trends, least: all.length, lines: all }
}

const more = (left: number): Line => line(`... and ${left} more`, "faint")

const findings = (status: StatusBody, { columns }: View): Block => {
  const found = status.findings ?? []
  const lines = found.flatMap((finding) => {
    const tone: Tone = finding.severity === "critical" ? "bad" : finding.severity === "warning" ? "limited" : "plain"
    return findingLines(finding, columns).map((text, index) => line(text, index === 0 ? tone : "plain"))
  })
  return { rank: RANK.findings, least: 2, lines, more }
}

const titled = (rank: number, rows: ReadonlyArray<string>): Block => ({
  rank,
  least: 2,
  lines: rows.length < 2 ? [] : rows.map((text, index) => line(text, index === 0 ? "faint" : "plain")),
  more
})

const eventTones: Readonly<Record<string, Tone>> = { warn: "limited", error: "bad" }

const LEVEL_WIDTH = 5

const eventLine = ({ at, level, text }: ShownEvent): Line =>
  line(`${timeOf(at)}  ${fill(level, LEVEL_WIDTH)}  ${text}`, eventTones[level] ?? "plain")

const events = ({ events: happened }: WatchState): Block => ({
  rank: RANK.events,
  least: 2,
  lines:
    happened.length === 0 ? [] : [line("EVENTS, newest first (UTC)", "faint"), ...happened.toReversed().map(eventLine)]
})

const footer: Block = { rank: RANK.footer, least: 1, lines: [line("q ends, Ctrl-L draws anew", "faint")] }

/** The lines of the view: at most `rows`, none wider than `columns`. */
export const frame = (state: WatchState, view: View): ReadonlyArray<Line> => {
  const { status } = state
  const blocks = [header(state, view), verdict(state, view)]
  if (status !== undefined) {
    blocks.push(
      numbers(status),
      trends(status, state, view),
      findings(status, view),
      titled(RANK.waiters, waiterRows(status.waiters ?? [], view.columns)),
      titled(RANK.sessions, sessionRows(status.ledger, view.columns))
    )
  }
  blocks.push(events(state), footer)
  return arrange(blocks, view.rows).map(({ text, tone }) => line(cut(text, view.columns).trimEnd(), tone))
}
