/**
 * Renders what `npm run bench -- --json FILE` wrote.
 *
 * `node bench/report.ts FILE` prints Markdown. `--out FILE.md` writes it to a file instead; the results that
 * docs/performance.md summarizes are in bench/results. `--images docs/images` also writes the charts and links to them.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { parseArgs } from "node:util"
import { chart } from "./Chart.ts"
import { byWorkload, markdown } from "./Markdown.ts"
import type { Result } from "./Result.ts"

const chartFile = (result: Result, workload: string): string =>
  `${["bench", workload, ...(result.route === "direct" ? [] : [result.route])].join("-")}.svg`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { images: { type: "string" }, out: { type: "string" } }
})
const [file] = positionals
const { images, out } = values

if (file === undefined) {
  console.error("Usage: node bench/report.ts RESULT.json [--out RESULT.md] [--images DIRECTORY]")
  process.exitCode = 1
} else {
  const result = JSON.parse(readFileSync(file, "utf8")) as Result
  if (images !== undefined) {
    mkdirSync(images, { recursive: true })
    for (const [workload, tables] of byWorkload(result)) {
      writeFileSync(join(images, chartFile(result, workload)), chart(tables))
    }
  }
  const linkBase = out === undefined ? "." : dirname(out)
  const text = markdown(result, (workload) =>
    images === undefined ? undefined : join(relative(linkBase, images), chartFile(result, workload))
  )
  if (out === undefined) console.log(text)
  else writeFileSync(out, text)
}
