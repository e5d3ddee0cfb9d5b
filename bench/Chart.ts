/** Bar charts as SVG: a panel per table; per contender a bar for the median and a line for the spread. */
import type { TableRow, Spread, Table } from "./Result.ts"
import { BASELINE } from "./Roster.ts"
import { figure } from "./TextTable.ts"

/** Lengths in pixels of the viewBox; the chart scales with the page. */
const WIDTH = 760
const LABEL_WIDTH = 190
const VALUE_WIDTH = 110
const BAR = 14
const GAP = 8
const TITLE = 34
const MARGIN = 12

/** Width of the longest bar. */
const SPAN = WIDTH - LABEL_WIDTH - VALUE_WIDTH - 2 * MARGIN

/** Readable on white and on black backgrounds. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .value { fill: #57606a }
  .bar { fill: #8c959f }
  .ours { fill: #1f883d }
  .baseline { stroke: #cf222e; stroke-dasharray: 3 3 }
  .spread { stroke: #24292f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .value { fill: #9198a1 }
    .ours { fill: #3fb950 }
    .baseline { stroke: #f85149 }
    .spread { stroke: #e6edf3 }
  }`

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)

interface Bar {
  readonly row: TableRow
  readonly spread: Spread
}

/** The ratios if there are any, else the figures. */
const barsOf = ({ main, rows }: Table): ReadonlyArray<Bar> => {
  const hasRatios = rows.some(({ ratios }) => ratios[main] !== undefined)
  return rows.flatMap((row) => {
    const spread = (hasRatios ? row.ratios : row.values)[main]
    return spread === undefined ? [] : [{ row, spread }]
  })
}

const panel = (table: Table, top: number): { readonly svg: string; readonly height: number } => {
  const bars = barsOf(table)
  const hasRatios = table.rows.some(({ ratios }) => ratios[table.main] !== undefined)
  const column = table.columns.find(({ key }) => key === table.main)
  const unit = hasRatios ? `${column?.title ?? table.main} of ${BASELINE} = 1` : (column?.title ?? table.main)
  const scale = SPAN / Math.max(...bars.map(({ spread }) => spread.max))
  const left = MARGIN + LABEL_WIDTH
  const at = (value: number): string => (left + value * scale).toFixed(1)
  const rows = bars.map(({ row, spread }, index) => {
    const y = top + TITLE + index * (BAR + GAP)
    const middle = y + BAR / 2
    const isOurs = row.name.startsWith("ours")
    return [
      `<text x="${left - GAP}" y="${middle + 4}" text-anchor="end">${escaped(row.title)}</text>`,
      `<rect class="${isOurs ? "ours" : "bar"}" x="${left}" y="${y}" width="${(spread.median * scale).toFixed(1)}" height="${BAR}"/>`,
      `<line class="spread" x1="${at(spread.min)}" x2="${at(spread.max)}" y1="${middle}" y2="${middle}"/>`,
      `<text class="value" x="${left + SPAN + GAP}" y="${middle + 4}">${figure(spread.median, 2)}</text>`
    ].join("\n")
  })
  const height = TITLE + bars.length * (BAR + GAP) + MARGIN
  const bottom = top + height - MARGIN
  return {
    height,
    svg: [
      `<text class="title" x="${MARGIN}" y="${top + TITLE - BAR}">${escaped(`${table.title}: ${unit}`)}</text>`,
      ...rows,
      ...(hasRatios ? [`<line class="baseline" x1="${at(1)}" x2="${at(1)}" y1="${top + TITLE}" y2="${bottom}"/>`] : [])
    ].join("\n")
  }
}

/** One chart with all tables of a workload. */
export const chart = (tables: ReadonlyArray<Table>): string => {
  let top = 0
  const panels = tables.map((table) => {
    const { height, svg } = panel(table, top)
    top += height
    return svg
  })
  const label = escaped(tables.map(({ title }) => title).join("; "))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-label="${label}">`,
    `<style>${STYLE}</style>`,
    ...panels,
    "</svg>",
    ""
  ].join("\n")
}
