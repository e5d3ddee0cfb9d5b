/** A program on a terminal of its own, by util-linux's `script`: what it writes there, and what is typed. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { eventually, mainFile } from "../RunningProgram.ts"

/** Set by .ci/run to the programs that CI needs, so that CI skips no test for lack of one. */
const REQUIRED = (process.env["CI_REQUIRE"] ?? "").split(",").includes("script")

const isInstalled = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8", timeout: 120_000 }).stdout)

if (!isInstalled && !REQUIRED) {
  console.warn(
    "Skipped the tests on a terminal: util-linux's script is not installed (Debian: apt-get install bsdutils)"
  )
}

/** A test that needs a terminal; skipped with the reason where there is no `script`, or failed where it is a must. */
export const onTerminal = isInstalled || REQUIRED ? it.live : it.live.skip

export interface OnTerminal {
  /** All that was written to the terminal so far. */
  readonly output: () => string
  readonly type: (keys: string) => void
  readonly kill: (signal: NodeJS.Signals) => void
  readonly printed: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
  /** Waits for the end of the program; the rest is the terminal's state after it, as `stty` prints it. */
  readonly ended: Effect.Effect<{ readonly code: string; readonly after: string }>
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

/** Runs the program on a terminal of this size until it ends, and then reads the terminal's state. */
export const startOnTerminal = (
  parameters: ReadonlyArray<string>,
  size: { readonly columns: number; readonly rows: number },
  env: Readonly<Record<string, string>> = {}
) =>
  Effect.acquireRelease(
    Effect.sync((): OnTerminal & { readonly end: () => void } => {
      const command = [process.execPath, mainFile, ...parameters].map(quoted).join(" ")
      const script =
        `stty cols ${size.columns} rows ${size.rows}; ` +
        `sh -c 'echo pid=$$; exec "$@"' sh ${command}; code=$?; echo; echo code=$code; stty -a; echo done`
      const child = spawn("script", ["-qec", script, "/dev/null"], {
        env: { PATH: process.env["PATH"], TERM: "xterm-256color", LANG: "C.UTF-8", ...env },
        stdio: ["pipe", "pipe", "pipe"]
      })
      let output = ""
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk))
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk))
      const printed = (pattern: RegExp) => eventually(String(pattern), () => pattern.exec(output) ?? undefined)
      const pid = (): number => Number(/pid=(\d+)/.exec(output)?.[1])
      return {
        output: () => output,
        type: (keys) => void child.stdin.write(keys),
        kill: (signal) => void process.kill(pid(), signal),
        printed,
        ended: Effect.map(printed(/code=(\d+)\r?\n([\s\S]*)done/), ([, code = "", after = ""]) => ({ code, after })),
        end: () => child.kill("SIGKILL")
      }
    }),
    ({ end }) => Effect.sync(end)
  )
