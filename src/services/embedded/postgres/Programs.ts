/** Runs the programs of a PostgreSQL installation for one server directory. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import type { ServerDirectory } from "./ServerDirectory.ts"
import type { Watchdog } from "./Watchdog.ts"

/** A started program. */
export interface Program {
  readonly pid: number
  /** Waits for its end: the exit code or the signal's name. Keeps this process alive meanwhile. */
  readonly ended: Effect.Effect<number | string>
  readonly hasEnded: () => boolean
  /** Sends a signal; does nothing once it has ended. */
  readonly signal: (signal: NodeJS.Signals) => void
}

// Enough for several failed starts.
const logTailBytes = 64 * 1024

/** Size of the server's log in bytes. */
export const logSize = (directory: ServerDirectory): number =>
  Fs.statSync(directory.logFile, { throwIfNoEntry: false })?.size ?? 0

/** The last 64 KiB of the server's log after the first `since` bytes; empty when there is none. */
export const readLog = (directory: ServerDirectory, since = 0): Effect.Effect<string> =>
  Effect.promise(async () => {
    const from = Math.max(since, logSize(directory) - logTailBytes)
    const chunks: Array<Buffer> = []
    for await (const chunk of Fs.createReadStream(directory.logFile, { start: from })) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString("utf8")
  }).pipe(Effect.catchCause(() => Effect.succeed("")))

/**
 * Starts a program, appends its output to the server's log, and has the watchdog track it. It has its own process
 * group, so that Ctrl-C in a terminal reaches the application only, and does not keep this process alive.
 */
export const start = (
  directory: ServerDirectory,
  watchdog: Watchdog,
  name: "initdb" | "postgres",
  args: ReadonlyArray<string>
): Effect.Effect<Program, EmbeddedPostgresError> =>
  Effect.callback<Program, EmbeddedPostgresError>((resume) => {
    const failed = (error: Error) =>
      resume(
        new EmbeddedPostgresError({
          step: "binaries",
          detail: `${name} could not be run: ${error.message}.`,
          remedy:
            "Check that it exists and may be executed. The npm binaries need glibc 2.27; on Alpine set PG_BIN_DIR."
        })
      )
    let log: number | undefined
    try {
      log = Fs.openSync(directory.logFile, "a")
      const child = spawn(Path.join(directory.binDir, name), args, {
        cwd: directory.root,
        detached: true,
        env: directory.env,
        stdio: ["ignore", log, log],
        ...directory.runAs
      })
      let outcome: number | string | undefined
      child.on("error", failed)
      const pid = child.pid
      if (pid === undefined) return
      watchdog.track(pid)
      child.unref()
      child.once("exit", (code, signal) => {
        outcome = code ?? signal ?? "unknown"
        watchdog.forget()
      })
      const program: Program = {
        pid,
        ended: Effect.callback<number | string>((done) => {
          if (outcome !== undefined) return done(Effect.succeed(outcome))
          const settle = () => done(Effect.succeed(outcome ?? "unknown"))
          child.ref()
          child.once("exit", settle)
          return Effect.sync(() => {
            child.removeListener("exit", settle)
            child.unref()
          })
        }),
        hasEnded: () => outcome !== undefined,
        signal: (signal) => void (outcome === undefined && child.kill(signal))
      }
      child.once("spawn", () => resume(Effect.succeed(program)))
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)))
    } finally {
      if (log !== undefined) Fs.closeSync(log)
    }
  })
