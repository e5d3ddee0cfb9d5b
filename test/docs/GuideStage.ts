/** Runs the guide's examples on one PostgreSQL, each program with its own database and pooler. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import * as Redacted from "effect/Redacted"
import { FakeSupavisor } from "../../src/services/embedded/FakeSupavisor.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { entryPoints } from "../../rolldown.config.ts"
import type { Example } from "./GuidePages.ts"

const repository = resolve(import.meta.dirname, "../..")
const cache = join(repository, "node_modules/.cache")

/** Guards against an example that hangs; far above the time on a busy machine. */
const TIMEOUT_MILLIS = 120_000

/** Two examples at a time for two cores. */
const CONCURRENCY = 2

interface Ended {
  readonly code: number | null
  readonly stdout: string
  /** Both streams in their order of arrival. */
  readonly all: string
}

/** Runs a command in the repository with only this environment. */
const run = (
  command: readonly [file: string, ...args: ReadonlyArray<string>],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {}
): Effect.Effect<Ended> =>
  Effect.callback<Ended>((resume) => {
    const [file, ...args] = command
    const child = spawn(file, args, {
      cwd: repository,
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        // Two dozen programs load the same modules; the cache saves a third of their time.
        NODE_COMPILE_CACHE: join(cache, "guide"),
        ...options.env
      },
      timeout: TIMEOUT_MILLIS
    })
    let stdout = ""
    let all = ""
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString()
      all += chunk.toString()
    })
    child.stderr.on("data", (chunk: Buffer) => (all += chunk.toString()))
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("close", (code) => resume(Effect.succeed({ code, stdout, all })))
    child.stdin.on("error", () => undefined)
    child.stdin.end(options.input ?? "")
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const PACKAGE = /"effect-supavisor(?:\/(\w+))?"/g

/** A program that imports the sources of the package's entry points. */
const onSources = (program: string, sources: string): string =>
  program.replaceAll(PACKAGE, (specifier, name = "index") => {
    const source = entryPoints[name]
    return source === undefined ? specifier : `"${source.replace("src", sources)}"`
  })

const nameOf = ({ line, page }: Example): string => `docs/guide/${page}:${line}`

/** A log line begins with the time of day. */
const LOG_LINE = /^\[\d\d:\d\d:\d\d\.\d+\] .*\n/gm

/** The program's own output, without its pool's log. */
const withoutLog = (text: string): string => text.replaceAll(LOG_LINE, "")

const printedBy = (example: Example, env: Readonly<Record<string, string>>): Effect.Effect<string> => {
  if (example.language === "console") {
    const line = example.text.split("\n")[0]!.replace(/^\$ /, "")
    const main = `"${process.execPath}" "${join(repository, "src/main.ts")}"`
    const script = `effect-supavisor() { ${main} "$@"; }; npx() { "$@"; }; { ${line}; } 2>&1`
    return Effect.map(run(["bash", "-c", script], { env }), ({ stdout }) => stdout)
  }
  const program = onSources(example.text, "./src")
  // By stdin, because Node.js does not strip types from files in node_modules.
  const command = [process.execPath, "--input-type=module-typescript", "-"] as const
  return Effect.flatMap(run(command, { env, input: program }), ({ all, code, stdout }) =>
    code === 0
      ? Effect.succeed(withoutLog(stdout))
      : Effect.die(new Error(`${nameOf(example)} ended with ${code}:\n${all}`))
  )
}

/** Replaces the pooler's port by the usual one; keeps the width of table columns. */
const withUsualPort = (text: string, port: number): string =>
  text.replaceAll(new RegExp(`:${port}( {2,})?`, "g"), (_, gap: string | undefined) =>
    gap === undefined ? ":5432" : `:5432${gap}${" ".repeat(Math.max(0, String(port).length - "5432".length))}`
  )

/** The output of an example behind a pooler with one project. A program has its own empty database. */
const outputOf = Effect.fnUntraced(function* (example: Example) {
  const postgres = yield* TestPostgres
  const database = example.language === "ts" ? (yield* postgres.freshDatabase).name : postgres.server.database
  const pooler = yield* FakeSupavisor.make({
    upstream: {
      host: postgres.host,
      port: postgres.port,
      username: postgres.server.username,
      password: postgres.server.password,
      database
    }
  })
  const text = yield* printedBy(example, { SUPABASE_SESSION_POOLER: Redacted.value(pooler.url()) })
  return withUsualPort(text, pooler.sessionPort)
    .replaceAll(database, "postgres")
    .replaceAll(/[ \t]+$/gm, "")
    .trim()
}, Effect.scoped)

const outputsOfTurn = (examples: ReadonlyArray<Example>) =>
  Effect.forEach(examples, outputOf, { concurrency: CONCURRENCY })

/** The outputs in order. Commands run last, because they show the whole server, which no program uses then. */
export const outputsOf = Effect.fnUntraced(function* (examples: ReadonlyArray<Example>) {
  const turns = [
    examples.filter(({ language }) => language === "ts"),
    examples.filter(({ language }) => language === "console")
  ]
  const outputs = new Map<Example, string>()
  for (const turn of turns) {
    for (const [at, output] of (yield* outputsOfTurn(turn)).entries()) outputs.set(turn[at]!, output)
  }
  return examples.map((example) => outputs.get(example) ?? "")
})

/** The compiler's errors in the guide's programs with the strictest settings; empty if there are none. */
export const typeErrorsOf = (examples: ReadonlyArray<Example>): Effect.Effect<string> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      mkdirSync(cache, { recursive: true })
      return mkdtempSync(join(cache, "guide-"))
    }),
    (directory) => {
      for (const example of examples) {
        const file = `${basename(example.page, ".md")}-${example.line}.mts`
        writeFileSync(join(directory, file), onSources(example.text, "../../../src"))
      }
      const project = join(directory, "tsconfig.json")
      const compilerOptions = { plugins: [], typeRoots: ["../../@types"] }
      writeFileSync(project, JSON.stringify({ extends: "../../../tsconfig.json", compilerOptions, include: ["*.mts"] }))
      const compiler = join(repository, "node_modules/.bin/tsc")
      return Effect.map(run([compiler, "-p", project, "--pretty", "false"]), ({ all, code }) =>
        code === 0 ? "" : all || `tsc ended with ${code}`
      )
    },
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
