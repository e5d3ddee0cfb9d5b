/** The live view as lines, never wider or longer than the terminal. Pure. */
import type { StatusBody, HistoryEvent, HistoryPoint } from "../../http/StatusSchema.ts"
import { findingLines, sessionRows, verdictText, waiterRows } from "../status/StatusText.ts"
import { cut, fill, fillLeft, widthOf, wrap } from "../terminal/PlainText.ts"
import { formatMillis, formatRate, formatSeconds, formatShare } from "../terminal/Quantity.ts"
import { wordBytes } from "../../services/errors/Wording.ts"
import type { WatchState } from "./WatchState.ts"

/** The colour of a line; its text is complete without it. */
export type Tone = "plain" | "strong" | "faint" | "good" | "limited" | "bad"

export interface Line {
  readonly text: string
  readonly tone: Tone
}

export const line = (text: string, tone: Tone = "plain"): Line => ({ text, tone })

export interface Block {
  readonly rank: number
  /** The fewest lines to show; with fewer rows the block is left out. */
  readonly least: number
  readonly lines: ReadonlyArray<Line>
  /** The last row when lines are left out; undefined for none. */
  readonly more?: (left: number) => Line
}

/** Free rows for each gap from which on gaps are kept before blocks get more rows. */
const ROWS_PER_GAP = 2

/** The rows of each block: its least in the order of rank, then one row each in turn until all are used. */
const sharesOf = (blocks: ReadonlyArray<Block>, rows: number): ReadonlyArray<number> => {
  const shares = blocks.map(() => 0)
  const byRank = blocks.map((block, index) => ({ block, index })).toSorted((a, b) => a.block.rank - b.block.rank)
  let free = rows
  for (const { block, index } of byRank) {
    const least = Math.min(block.least, block.lines.length)
    if (least > free) continue
    shares[index] = least
    free -= least
  }
  const gaps = shares.filter((share) => share > 0).length - 1
  if (free >= ROWS_PER_GAP * gaps) free -= gaps
  for (let given = true; free > 0 && given;) {
    given = false
    for (const { block, index } of byRank) {
      const share = shares[index] ?? 0
      if (free === 0 || share === 0 || share >= block.lines.length) continue
      shares[index] = share + 1
      free -= 1
      given = true
    }
  }
  return shares
}

/** A title, one row and the row that counts the others; with fewer rows there is no such row. */
const ROWS_WITH_MORE = 3

const shown = ({ lines, more }: Block, share: number): ReadonlyArray<Line> => {
  if (share >= lines.length || more === undefined || share < ROWS_WITH_MORE) return lines.slice(0, share)
  return [...lines.slice(0, share - 1), more(lines.length - share + 1)]
}

/** The blocks from top to bottom in at most this many rows, with an empty row between two while there are rows left. */
const arrange = (blocks: ReadonlyArray<Block>, rows: number): ReadonlyArray<Line> => {
  const parts = sharesOf(blocks, rows).flatMap((share, index) => {
    const block = blocks[index]
    return block === undefined || share === 0 ? [] : [shown(block, share)]
  })
  const gaps = rows - parts.reduce((sum, part) => sum + part.length, 0)
  return parts.flatMap((part, index) => (index === 0 || index > gaps ? part : [line("")].concat(part)))
}

/** The terminal, and what a frame needs beside the state. */
export interface View {
  readonly columns: number
  readonly rows: number
  /** Wall-clock milliseconds. */
  readonly now: number
  readonly base: string
  /** The characters of sparklines, lowest first. */
  readonly characters: string
}

/** Blocks of a lower rank get their rows first. */
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

/** A status arrives every second; after this time without one it is shown as outdated. */
const STALE_MILLIS = 3000

const toneOf = ({ ready, verdict }: StatusBody): Tone => (!ready ? "bad" : verdict.level === "up" ? "good" : "limited")

const bothEnds = (left: string, right: string, width: number): string =>
  widthOf(left) + widthOf(right) + 1 > width ? left : left + fillLeft(right, width - widthOf(left))

const timeOf = (at: number): string => new Date(at).toISOString().slice(11, 19)

const wrapped = (text: string, width: number, tone: Tone): ReadonlyArray<Line> =>
  wrap(text, width).map((part) => line(part, tone))

/** The first facts that fit into one line, at least one. */
const asManyAsFit = (facts: ReadonlyArray<string>, width: number): string =>
  facts.reduce((text, fact) => {
    const longer = `${text}, ${fact}`
    return widthOf(longer) > width ? text : longer
  })

const header = ({ status }: WatchState, { base, columns, now }: View): Block => {
  const name = status === undefined ? "effect-supavisor" : `effect-supavisor ${status.version}`
  const demo = status?.demo === true ? " (demonstration load)" : ""
  const lines = [line(bothEnds(`${name} at ${base}${demo}`, `${timeOf(now)} UTC`, columns), "strong")]
  if (status !== undefined) {
    const { endpoint, process, uptimeSeconds } = status
    const facts = [
      `${endpoint.host}:${endpoint.port}/${endpoint.database}`,
      `up ${formatSeconds(uptimeSeconds)}`,
      `pid ${process.pid}`,
      `cpu ${formatShare(process.cpu)}`,
      wordBytes(process.rssBytes),
      `loop p99 ${formatMillis(process.loopDelayP99Millis)}`
    ]
    lines.push(line(asManyAsFit(facts, columns), "faint"))
  }
  return { rank: RANK.header, least: 1, lines }
}

const verdict = ({ disconnected, status, statusAt }: WatchState, { columns, now }: View): Block => {
  const lines: Array<Line> = []
  const age = now - statusAt
  if (disconnected !== undefined) {
    const text = `Not connected for ${formatMillis(now - disconnected.since)}: ${disconnected.why}. Trying again.`
    lines.push(...wrapped(text, columns, "bad"))
  } else if (status === undefined) {
    lines.push(line("Connected, waiting for the first status.", "faint"))
  } else if (age > STALE_MILLIS) {
    lines.push(line(`No status for ${formatMillis(age)}: the values below are outdated.`, "bad"))
  }
  if (status !== undefined) {
    const isOld = lines.length > 0
    const text = `${isOld ? "Last status: " : ""}${verdictText(status, statusAt)}`
    lines.push(...wrapped(text, columns, isOld ? "faint" : toneOf(status)))
    if (status.verdict.remedy !== undefined) lines.push(...wrapped(`To do: ${status.verdict.remedy}`, columns, "plain"))
  }
  return { rank: RANK.verdict, least: 1, lines }
}

/** The width of counts, so that they keep their place. */
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

/** The characters of a sparkline; the lowest one is zero, so that a small value is still visible. */
export const blocks = "▁▂▃▄▅▆▇█"

export const asciiBlocks = "_.:-=+*#"

/** The last values that fit, newest at the right, from zero to `top` (default: the largest). A gap for null. */
export const sparkline = (
  values: ReadonlyArray<number | null>,
  width: number,
  characters: string,
  top?: number
): string => {
  const shown = values.slice(Math.max(0, values.length - width))
  const highest = top ?? Math.max(0, ...shown.map((value) => value ?? 0))
  const steps = characters.length - 1
  return shown
    .map((value) => {
      if (value === null) return " "
      if (value <= 0 || highest <= 0) return characters[0]
      return characters[Math.min(steps, Math.max(1, Math.ceil((value / highest) * steps)))]
    })
    .join("")
    .padStart(width)
}

const NAME_WIDTH = 10

const VALUE_WIDTH = 8

const PEAK_WIDTH = 14

const WIDTH_WITH_PEAK = 60

interface Trend {
  readonly name: string
  readonly of: (point: HistoryPoint) => number | null
  readonly format: (value: number | null) => string
  /** The top of the scale. */
  readonly top?: number
}

const whole = (value: number | null): string => (value === null ? "-" : `${value}`)

const trendsOf = (stepMillis: number, max: number): ReadonlyArray<Trend> => [
  { name: "used", of: ({ used }) => used, format: whole, top: max },
  { name: "waiting", of: ({ waiting }) => waiting, format: whole },
  { name: "wait p95", of: ({ waitP95 }) => waitP95, format: formatMillis },
  { name: "query p95", of: ({ queryP95 }) => queryP95, format: formatMillis },
  { name: "queries", of: ({ queries }) => (queries * 1000) / stepMillis, format: formatRate }
]

const trends = ({ pool }: StatusBody, { points, stepMillis }: WatchState, { characters, columns }: View): Block => {
  const peakWidth = columns >= WIDTH_WITH_PEAK ? PEAK_WIDTH : 0
  const width = Math.max(1, columns - NAME_WIDTH - VALUE_WIDTH - 2 - peakWidth)
  const lines = trendsOf(stepMillis, pool.max).map(({ format, name, of, top }) => {
    const values = points.map(of)
    const measured = values.slice(-width).filter((value) => value !== null)
    const peak = measured.length === 0 ? "-" : format(Math.max(...measured))
    const chart = sparkline(values, width, characters, top)
    const end = peakWidth === 0 ? "" : fill(`  peak ${peak}`, peakWidth)
    return line(`${fill(name, NAME_WIDTH)}${fillLeft(format(values.at(-1) ?? null), VALUE_WIDTH)}  ${chart}${end}`)
  })
  const span = Math.min(width, points.length) * stepMillis
  const title = line(`LAST ${formatMillis(span)}, ${formatMillis(stepMillis)} each`, "faint")
  const all = points.length === 0 ? [] : [title, ...lines]
  return { rank: RANK.trends, least: all.length, lines: all }
}

const more = (left: number): Line => line(`... and ${left} more`, "faint")

const severityTones: Readonly<Record<string, Tone>> = { critical: "bad", warning: "limited" }

const findings = (status: StatusBody, { columns }: View): Block => {
  const lines = (status.findings ?? []).flatMap((finding) =>
    findingLines(finding, columns).map((text, index) =>
      line(text, index === 0 ? (severityTones[finding.severity] ?? "plain") : "plain")
    )
  )
  return { rank: RANK.findings, least: 2, lines, more }
}

const tableBlock = (rank: number, rows: ReadonlyArray<string>): Block => ({
  rank,
  least: 2,
  lines: rows.length < 2 ? [] : rows.map((text, index) => line(text, index === 0 ? "faint" : "plain")),
  more
})

const eventTones: Readonly<Record<string, Tone>> = { warn: "limited", error: "bad" }

const LEVEL_WIDTH = 5

const eventLine = ({ at, level, text }: HistoryEvent): Line =>
  line(`${timeOf(at)}  ${fill(level, LEVEL_WIDTH)}  ${text}`, eventTones[level] ?? "plain")

const eventsBlock = ({ events }: WatchState): Block => ({
  rank: RANK.events,
  least: 2,
  lines: events.length === 0 ? [] : [line("EVENTS, newest first (UTC)", "faint"), ...events.toReversed().map(eventLine)]
})

const footer: Block = { rank: RANK.footer, least: 1, lines: [line("q quits, Ctrl-L redraws", "faint")] }

/** The lines of the view: at most `rows`, none wider than `columns`. */
export const frame = (state: WatchState, view: View): ReadonlyArray<Line> => {
  const { status } = state
  const all = [header(state, view), verdict(state, view)]
  if (status !== undefined) {
    all.push(
      numbers(status),
      trends(status, state, view),
      findings(status, view),
      tableBlock(RANK.waiters, waiterRows(status.waiters, view.columns)),
      tableBlock(RANK.sessions, sessionRows(status.sessions, view.columns))
    )
  }
  all.push(eventsBlock(state), footer)
  return arrange(all, view.rows).map(({ text, tone }) => line(cut(text, view.columns).trimEnd(), tone))
}
