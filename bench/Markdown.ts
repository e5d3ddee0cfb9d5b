/** A result as Markdown: each table with the command that measures it. */
import type { Result, Table } from "./Result.ts"
import { captionOf, cellsOf } from "./TextTable.ts"

const row = (cells: ReadonlyArray<string>): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`

const markdownTable = (table: Table): string => {
  const [headings = [], ...rows] = cellsOf(table)
  const rule = headings.map((_, column) => (column === 0 ? "---" : "---:"))
  return [`**${captionOf(table)}**`, "", row(headings), row(rule), ...rows.map(row), ""].join("\n")
}

/** The command that repeats one workload of the run. */
const commandOf = ({ flags }: Result, workload: string): string =>
  ["npm run bench --", "--only", workload, ...flags].join(" ")

/** The tables by workload, in the order of the run. */
export const byWorkload = ({ tables }: Result): ReadonlyMap<string, ReadonlyArray<Table>> =>
  Map.groupBy(tables, ({ workload }) => workload)

/** All tables of a run; `image` returns the address of a workload's chart, or undefined for none. */
export const markdown = (result: Result, image: (workload: string) => string | undefined): string => {
  const { date, machine, route, versions } = result
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const sections = [...byWorkload(result)].map(([workload, tables]) => {
    const picture = image(workload)
    const title = tables.map(({ title }) => title).join("; ")
    return [
      `## ${workload}`,
      "",
      `    ${commandOf(result, workload)}`,
      "",
      ...(picture === undefined ? [] : [`![${title}](${picture})`, ""]),
      ...tables.map(markdownTable)
    ].join("\n")
  })
  return [
    `# Results of ${date}`,
    "",
    `Measured on ${date} with ${named.join(", ")}, on ${machine.cpu} (${machine.cores} cores, ${machine.platform}), ` +
      `${route === "direct" ? "without a pooler" : `behind ${route}`}, samples of ${result.seconds} s.`,
    "",
    ...sections
  ].join("\n")
}
