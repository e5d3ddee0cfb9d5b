/** Runs every command in docs/cli.md against a running program and a real database, and updates their output. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import { TestPostgres } from "../src/testing/TestPostgres.ts"
import { mainFile, start } from "../test/cli/RunningProgram.ts"

/** The path of docs/cli.md. */
export const pagePath = new URL("cli.md", import.meta.url)

const framesPath = new URL("../test/cli/watch/frames/", import.meta.url)

const SHOWN = /```console\n\$ ([^\n]+)\n[\s\S]*?```/g
const FRAME = /(<!-- frame: (\S+) -->\n```text\n)[\s\S]*?```/g

/** Two cores are enough for two commands at a time. */
const CONCURRENCY = 2

/** Guards against a command that hangs; the slowest starts Node.js and opens a session. */
const TIMEOUT_MILLIS = 30_000

/** Runs a line in bash with `effect-supavisor` as a command, and returns the output of both streams. */
const outputOf = (line: string, env: Readonly<Record<string, string>>): Promise<string> =>
  new Promise((resolve) => {
    execFile(
      "bash",
      ["-c", `effect-supavisor() { "${process.execPath}" "${mainFile}" "$@"; }; { ${line}; } 2>&1`],
      { cwd: Os.tmpdir(), env: { PATH: process.env["PATH"], ...env }, encoding: "utf8", timeout: TIMEOUT_MILLIS },
      (_error, stdout) => resolve(stdout)
    )
  })

/** Replaces the port by the default port; keeps the width of table columns. */
const withPort = (text: string, port: string, usual: string): string =>
  text.replaceAll(new RegExp(`:${port}( {2,})?`, "g"), (_, gap: string | undefined) =>
    gap === undefined ? `:${usual}` : `:${usual}${gap}${" ".repeat(port.length - usual.length)}`
  )

const asShown = (text: string, operationsPort: string, databasePort: string): string =>
  withPort(withPort(text, operationsPort, "8321"), databasePort, "5432")
    .replaceAll(/[ \t]+$/gm, "")
    .trim()

/** The page with new output below every command, and with the screen of `watch` from the frames of its test. */
export const freshPage = Effect.gen(function* () {
  const page = Fs.readFileSync(pagePath, "utf8")
  const url = Redacted.value((yield* TestPostgres).url)
  const program = yield* start({ env: { DATABASE_URL: url } })
  const { port } = new URL(yield* program.address)
  // Waits until the pool is idle: its two sessions are open and the first status line is logged.
  yield* program.printed(/open=2\/5/)
  const env = { DATABASE_URL: url, HTTP_PORT: port }
  const lines = Array.from(page.matchAll(SHOWN), ([, line = ""]) => line)
  const outputs = yield* Effect.forEach(lines, (line) => Effect.promise(() => outputOf(line, env)), {
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
 * The page without what differs between runs: numbers, durations, line breaks, what a session is doing, and whether a busy
 * machine replies slowly.
 */
export const comparable = (page: string): string =>
  page
    .replaceAll(/\d+(?:\.\d+)*/g, "0")
    .replaceAll(/(p0[ =]|queries=|QUERIES +)-/g, "$1 0 ms")
    .replaceAll(/0(?: ?(?:ms|s|min)|m 0s|h 0m|d 0h)\b/g, "0 ms")
    .replaceAll(/^ *0 +0 +(?:idle|used) .*$/gm, "a session")
    .replaceAll(/(?:Up|Degraded) for 0 ms(?:: [^|\n]*)?/g, "Up for 0 ms")
    .replaceAll(/\s+/g, " ")

if (import.meta.main) {
  const page = await Effect.runPromise(Effect.scoped(freshPage).pipe(Effect.provide(TestPostgres.layer)))
  Fs.writeFileSync(pagePath, page)
}
