/** A program in a process of its own: its output, its responses, its end. Each wait has a bound. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type ChildProcess, spawn } from "node:child_process"
import * as Os from "node:os"
import * as Path from "node:path"

export const repository = Path.resolve(import.meta.dirname, "../..")
export const mainFile = Path.join(repository, "src/main.ts")

export interface Ending {
  /** The exit code, or the name of the signal that killed it. */
  readonly outcome: number | string | null
  /** Monotonic milliseconds. */
  readonly at: number
}

export interface RunningProgram {
  readonly child: ChildProcess
  /** Milliseconds from the start to the first output: how slow a process is on this machine now. */
  readonly startMillis: () => number
  /** All that was written so far, on stdout and stderr. */
  readonly output: () => string
  /** Waits until the output matches. */
  readonly printed: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
  /** Waits for the operations address. */
  readonly address: Effect.Effect<string>
  readonly ended: Effect.Effect<Ending>
}

export interface StartOptions {
  readonly command?: readonly [file: string, ...args: ReadonlyArray<string>]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Waits, looking every 20 ms, until the value is there; fails loudly after the bound. */
export const eventually = <A>(what: string, look: () => Promise<A | undefined> | A | undefined) =>
  Effect.promise(async () => look()).pipe(
    Effect.repeat({ until: (value) => value !== undefined, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutOrElse({ duration: "2 minutes", orElse: () => Effect.die(new Error(`never came: ${what}`)) }),
    Effect.map((value) => value as A)
  )

/** Starts a program as leader of a process group, with nothing in its environment but what is given. */
export const start = ({ command, cwd = Os.tmpdir(), env = {} }: StartOptions) =>
  Effect.acquireRelease(
    Effect.sync((): RunningProgram => {
      const [file, ...args] = command ?? [process.execPath, mainFile]
      const child = spawn(file, args, {
        cwd,
        detached: true,
        env: { PATH: process.env["PATH"], HOME: process.env["HOME"], HTTP_PORT: "0", ...env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const spawned = performance.now()
      let startMillis = Number.NaN
      const started = () => {
        if (Number.isNaN(startMillis)) startMillis = performance.now() - spawned
      }
      for (const stream of [child.stdout, child.stderr]) stream.once("data", started)
      let output = ""
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
      child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()))
      let ending: Ending | undefined
      child.once("close", (code, signal) => (ending = { outcome: signal ?? code, at: performance.now() }))
      const printed = (pattern: RegExp) =>
        eventually(String(pattern), () => {
          const found = pattern.exec(output)
          if (found === null && ending !== undefined) throw new Error(`it ended without saying ${pattern}: ${output}`)
          return found ?? undefined
        })
      return {
        child,
        startMillis: () => startMillis,
        output: () => output,
        printed,
        address: Effect.map(printed(/Operations at (http:\/\/\S+) /), ([, address = ""]) => address),
        ended: eventually("its end", () => ending)
      }
    }),
    ({ child }) =>
      Effect.sync(() => {
        if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
      })
  )

export interface Answer {
  readonly status: number
  readonly body: string
}

/** One request, with whatever status it is answered. */
export const get = async (url: string): Promise<Answer> => {
  const response = await fetch(url)
  return { status: response.status, body: await response.text() }
}
