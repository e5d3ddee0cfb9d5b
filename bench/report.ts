/**
 * Renders what `npm run bench -- --json FILE` wrote.
 *
 * `node bench/report.ts FILE` prints Markdown tables; `--images docs/images` writes the charts there, too, and links to
 * them as from a document one directory above.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { parseArgs } from "node:util"
import { chart } from "./Chart.ts"
import { byWorkload, markdown } from "./Markdown.ts"
import type { Result } from "./Result.ts"

const fileOf = (result: Result, workload: string): string =>
  `${["bench", workload, ...(result.route === "direct" ? [] : [result.route])].join("-")}.svg`

const { positionals, values } = parseArgs({ allowPositionals: true, options: { images: { type: "string" } } })
const [file] = positionals

if (file === undefined) {
  console.error("Usage: node bench/report.ts RESULT.json [--images DIRECTORY]")
  process.exitCode = 1
} else {
  const result = JSON.parse(readFileSync(file, "utf8")) as Result
  const { images } = values
  if (images !== undefined) {
    mkdirSync(images, { recursive: true })
    for (const [workload, tables] of byWorkload(result)) {
      writeFileSync(join(images, fileOf(result, workload)), chart(tables))
    }
  }
  console.log(
    markdown(result, (workload) =>
      images === undefined ? undefined : `${basename(images)}/${fileOf(result, workload)}`
    )
  )
}
