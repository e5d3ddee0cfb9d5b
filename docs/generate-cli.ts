/** Runs every command that docs/cli.md shows, against a real program on a real database, and writes what they say. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import { TestPostgres } from "../src/testing/TestPostgres.ts"
import { mainFile, start } from "../test/cli/RunningProgram.ts"

/** The page as it is. */
export const pagePath = new URL("cli.md", import.meta.url)

const framesPath = new URL("../test/cli/watch/frames/", import.meta.url)

const SHOWN = /```console\n\$ ([^\n]+)\n[\s\S]*?```/g
const FRAME = /(<!-- frame: (\S+) -->\n```text\n)[\s\S]*?```/g

/** Two cores are enough for two commands at a time. */
const CONCURRENCY = 2

/** No command here waits for anything; the slowest starts Node.js and opens a session. */
const PATIENCE_MILLIS = 30_000

/** Runs a line in bash with `effect-supavisor` as a command, and gives what it wrote on both streams. */
const said = (line: string, env: Readonly<Record<string, string>>): Promise<string> =>
  new Promise((resolve) => {
    execFile(
      "bash",
      ["-c", `effect-supavisor() { "${process.execPath}" "${mainFile}" "$@"; }; { ${line}; } 2>&1`],
      { cwd: Os.tmpdir(), env: { PATH: process.env["PATH"], ...env }, encoding: "utf8", timeout: PATIENCE_MILLIS },
      (_error, stdout) => resolve(stdout)
    )
  })

/** A port as it is by default, in as many columns where others stand behind it. */
const withPort = (text: string, port: string, usual: string): string =>
  text.replaceAll(new RegExp(`:${port}( {2,})?`, "g"), (_, gap: string | undefined) =>
    gap === undefined ? `:${usual}` : `:${usual}${gap}${" ".repeat(port.length - usual.length)}`
  )

const asShown = (text: string, operationsPort: string, databasePort: string): string =>
  withPort(withPort(text, operationsPort, "8321"), databasePort, "5432")
    .replaceAll(/[ \t]+$/gm, "")
    .trim()

/** The page with fresh output below every command, and the frame that a test holds against the drawing. */
export const freshPage = Effect.gen(function* () {
  const page = Fs.readFileSync(pagePath, "utf8")
  const url = Redacted.value((yield* TestPostgres).url)
  const program = yield* start({ env: { DATABASE_URL: url } })
  const { port } = new URL(yield* program.address)
  // what is shown is a pool at rest: its two sessions stand, and it has looked at itself once
  yield* program.said(/open=2\/5/)
  const env = { DATABASE_URL: url, HTTP_PORT: port }
  const lines = Array.from(page.matchAll(SHOWN), ([, line = ""]) => line)
  const outputs = yield* Effect.forEach(lines, (line) => Effect.promise(() => said(line, env)), {
    concurrency: CONCURRENCY
  })
  const shown = outputs.map((output) => asShown(output, port, new URL(url).port))
  return page
    .replaceAll(SHOWN, (_block, line: string) => `\`\`\`console\n$ ${line}\n${shown.shift()}\n\`\`\``)
    .replaceAll(FRAME, (_block, head: string, name: string) => {
      const frame = Fs.readFileSync(new URL(`${name}.txt`, framesPath), "utf8")
      return `${head}${frame.trimEnd()}\n\`\`\``
    })
})

/**
 * The page without what differs from one run to the next: numbers, spans of time, where their lines break, what a session
 * does at the moment, and whether a machine with other work to do answers slowly.
 */
export const comparable = (page: string): string =>
  page
    .replaceAll(/\d+(?:\.\d+)*/g, "0")
    .replaceAll(/(p0[ =]|queries=|QUERIES +)-/g, "$1 0 ms")
    .replaceAll(/0 ?(?:ms|s|min|h 0 min|d 0 h)\b/g, "0 ms")
    .replaceAll(/^ *0 +0 +(?:idle|used) .*$/gm, "a session")
    .replaceAll(/(?:Up|Degraded) for 0 ms(?:: [^|\n]*)?/g, "Up for 0 ms")
    .replaceAll(/\s+/g, " ")

if (import.meta.main) {
  const page = await Effect.runPromise(Effect.scoped(freshPage).pipe(Effect.provide(TestPostgres.layer)))
  Fs.writeFileSync(pagePath, page)
}
