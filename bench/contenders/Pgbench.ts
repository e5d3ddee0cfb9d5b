/** PostgreSQL's own benchmark program, with prepared statements: a client in C. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Contender, LoopFigures, Target } from "../Contender.ts"
import { KEYS, type Operation, SQL } from "../Operation.ts"

const scripts: Partial<Record<Operation, string>> = {
  select1: `${SQL.select1};`,
  point: `\\set id random(1, ${KEYS})\n${SQL.point.replace("$1", ":id")};`
}

/** The last line of the shell's `times` has the children's user and system time, as `0m1.230s`. */
const SHELL = 'pgbench "$@"; code=$?; times >&2; exit $code'

const MICROS = 1_000_000

const cpuMicrosOf = (times: string): number =>
  (times.trim().split("\n").at(-1) ?? "")
    .trim()
    .split(/\s+/)
    .reduce((sum, time) => {
      const [minutes = 0, seconds = 0] = time.replace("s", "").split("m").map(Number)
      return sum + (minutes * 60 + seconds) * MICROS
    }, 0)

const number = (output: string, pattern: RegExp): number => {
  const found = pattern.exec(output)?.[1]
  if (found === undefined) throw new Error(`Unexpected output of pgbench: ${output}`)
  return Number(found)
}

const run = (url: string, parameters: ReadonlyArray<string>): Promise<{ output: string; errors: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, password, pathname, port, username } = new URL(url)
    const child = spawn("sh", ["-c", SHELL, "sh", ...parameters], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        LC_ALL: "C",
        PGHOST: hostname,
        PGPORT: port,
        PGUSER: decodeURIComponent(username),
        PGPASSWORD: decodeURIComponent(password),
        PGDATABASE: decodeURIComponent(pathname.slice(1)),
        PGSSLMODE: "disable"
      }
    })
    let output = ""
    let errors = ""
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
    child.once("error", reject)
    child.once("close", (code) =>
      code === 0 ? resolve({ output, errors }) : reject(new Error(`pgbench ended with ${code}: ${errors}`))
    )
  })

const measured = async (
  { sessions, url }: Target,
  script: string,
  callers: number,
  millis: number
): Promise<LoopFigures> => {
  const clients = String(Math.min(sessions, callers))
  // pgbench accepts whole seconds only.
  const seconds = Math.max(1, Math.round(millis / 1000))
  const parameters = ["-n", "-M", "prepared", "-c", clients, "-j", "1", "-T", String(seconds), "-f", script]
  const { errors, output } = await run(url, parameters)
  const operations = number(output, /number of transactions actually processed: (\d+)/)
  const perSecond = number(output, /tps = ([\d.]+)/)
  return { operations, seconds: operations / perSecond, cpuMicros: cpuMicrosOf(errors) }
}

export const contender: Contender = {
  open: async (target) => {
    const directory = mkdtempSync(join(tmpdir(), "effect-supavisor-pgbench-"))
    return {
      measure: (operation, callers, millis) => {
        const script = scripts[operation]
        if (script === undefined) throw new Error(`pgbench has no script for ${operation}`)
        const file = join(directory, `${operation}.sql`)
        writeFileSync(file, script)
        return measured(target, file, callers, millis)
      },
      close: async () => rmSync(directory, { recursive: true, force: true })
    }
  }
}
