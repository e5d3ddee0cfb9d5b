/** The time from the start of a process to its first row. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { compiledPrograms } from "../Compiled.ts"
import { BASELINE } from "../Roster.ts"
import type { Case, Subject, Workload } from "../Workload.ts"

/** A start takes less than a second, or a few seconds on a loaded machine. */
const TIMEOUT_MILLIS = 30_000

const MICROS_PER_MILLI = 1000

interface Program extends Subject {
  readonly file: string
  /** The contenders it belongs to: it is measured if one of them takes part. */
  readonly of: ReadonlyArray<string>
  /** Whether Node.js caches the compiled code (Node.js docs, NODE_COMPILE_CACHE). */
  readonly usesCompileCache?: boolean
  /** Whether a bundler has put the packages into the program's file. */
  readonly isBundled?: boolean
}

const BARREL = { file: "PgClientBarrel.js", of: ["pgclient"] }
const OURS = { file: "Ours.js", of: ["ours-sql", "ours-use"] }

const programs: ReadonlyArray<Program> = [
  { name: BASELINE, title: "bare socket", file: "Bare.js", of: [BASELINE] },
  { name: "pg", title: "pg", file: "Pg.js", of: ["pg"] },
  { name: "postgres.js", title: "postgres.js", file: "PostgresJs.js", of: ["postgres.js"] },
  { name: "pgclient-barrel", title: "PgClient.layer, barrel imports", ...BARREL },
  { name: "pgclient", title: "PgClient.layer, module imports", file: "PgClientModules.js", of: ["pgclient"] },
  { name: "ours", title: "ours, module imports", ...OURS },
  {
    name: "pgclient-barrel-kept",
    title: "PgClient.layer, barrel imports, compiled code kept",
    ...BARREL,
    usesCompileCache: true
  },
  { name: "ours-kept", title: "ours, module imports, compiled code kept", ...OURS, usesCompileCache: true },
  { name: "pgclient-bundled", title: "PgClient.layer, bundled", ...BARREL, isBundled: true },
  { name: "ours-bundled", title: "ours, bundled", ...OURS, isBundled: true },
  { name: "program", title: "the program, as shipped", file: "Program.js", of: OURS.of }
]

const started = async (file: string, env: NodeJS.ProcessEnv): Promise<Readonly<Record<string, number>>> => {
  const before = performance.now()
  const child = spawn(process.execPath, [file], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
    timeout: TIMEOUT_MILLIS
  })
  const ended = once(child, "exit")
  const row = await Promise.race([once(child.stdout, "data"), ended.then(() => undefined)])
  const millis = performance.now() - before
  const [code] = (await ended) as [number | null]
  if (row === undefined || code !== 0) throw new Error(`${file} ended with ${code} and ${row ? "one row" : "no row"}`)
  return { millis, cpu: Number(String(row[0])) / MICROS_PER_MILLI }
}

const start: Case = {
  title: "a process from its start to its first row",
  columns: [
    { key: "millis", title: "ms", digits: 0 },
    { key: "cpu", title: "CPU ms", digits: 0, isCompared: true }
  ],
  main: "millis",
  subjects: (entries) => programs.filter(({ of }) => entries.some(({ name }) => of.includes(name))),
  // The warm-up start reads the files from disk and fills the compile cache.
  isWarmedUp: true,
  sample: async (context, name) => {
    const program = programs.find((program) => program.name === name)
    if (program === undefined) throw new Error(`No program is called ${name}`)
    const { bundled, programs: unbundled } = await compiledPrograms()
    const directory = program.isBundled === true ? bundled : unbundled
    const cache = join(unbundled, "kept")
    // The shipped program enables the compile cache itself, in the user's cache directory.
    const kept = { XDG_CACHE_HOME: cache, ...(program.usesCompileCache === true ? { NODE_COMPILE_CACHE: cache } : {}) }
    return started(join(directory, program.file), { BENCH_URL: context.options.url, ...kept })
  }
}

export const starts: Workload = {
  name: "start",
  isQuick: true,
  cases: (quick) => [quick ? { ...start, rounds: 1 } : start]
}
