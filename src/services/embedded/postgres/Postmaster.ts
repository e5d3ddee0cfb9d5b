/** Starts and stops the server of one directory: one postmaster at a time, always on the port of its first start. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { freePort, loopbackHost } from "./FreePort.ts"
import * as Programs from "./Programs.ts"
import { onMachineClock } from "../../wire/MonotonicClock.ts"
import type { ServerDirectory } from "./ServerDirectory.ts"
import type { Watchdog } from "./Watchdog.ts"

/** How to shut down, as in PostgreSQL docs, "Shutting Down the Server". */
export type StopMode = "fast" | "immediate" | "smart"

// A fast shutdown takes some 50 ms; five seconds leave room for a checkpoint on a slow disk.
const fastStopMillis = 5000
// An immediate shutdown takes some 10 ms, as it writes nothing; this is the last step before SIGKILL.
const immediateStopMillis = 2000

// PostgreSQL docs, "Shutting Down the Server": SIGTERM is smart, SIGINT fast, SIGQUIT immediate.
const immediateSteps: ReadonlyArray<readonly [NodeJS.Signals, number]> = [["SIGQUIT", immediateStopMillis]]
const stopSteps: Readonly<Record<StopMode, ReadonlyArray<readonly [NodeJS.Signals, number]>>> = {
  fast: [["SIGINT", fastStopMillis], ...immediateSteps],
  immediate: immediateSteps,
  smart: [["SIGTERM", Number.POSITIVE_INFINITY]]
}
// A start takes about 30 ms.
const readinessPollMillis = 10
// For ports taken between choosing and binding, and for backends of a killed postmaster that are still ending.
const maxStartAttempts = 10
const startRetryMillis = 100
// The last lines of the log have the cause; more would hide the remedy.
const reportedLogCharacters = 1500

const portTaken = "could not bind"
const transientProblems = [portTaken, "pre-existing shared memory block is still in use"]

/** Whether the program ends within so many milliseconds. */
const endsWithin = (program: Programs.Program, millis: number): Effect.Effect<boolean> =>
  program.ended.pipe(Effect.as(true), Effect.timeoutOrElse({ duration: millis, orElse: () => Effect.succeed(false) }))

/** Stops a program with increasingly forceful signals, SIGKILL last; returns when it has ended. */
const stopProgram = Effect.fnUntraced(function* (program: Programs.Program, mode: StopMode) {
  for (const [signal, millis] of stopSteps[mode]) {
    if (program.hasEnded()) return
    program.signal(signal)
    if (yield* endsWithin(program, millis)) return
  }
  program.signal("SIGKILL")
  yield* program.ended
}, onMachineClock)

// PostgreSQL docs, "Message Formats": protocol 3.0, the user to log in as, and an empty list terminator.
const protocolVersion = 196_608
const parameters = Buffer.from("user\0postgres\0\0")

const startupPacket: Buffer = (() => {
  const packet = Buffer.alloc(8 + parameters.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(protocolVersion, 4)
  parameters.copy(packet, 8)
  return packet
})()

// PostgreSQL docs, "PostgreSQL Error Codes": 57P03 cannot_connect_now, sent while starting up or shutting down.
const cannotConnectNow = "C57P03\0"
// A server on this machine answers within a millisecond; a second covers a machine under heavy load.
const answerDeadlineMillis = 1000

/** Whether the server requests authentication, or refuses for a reason other than starting up. Never fails. */
const acceptsLogins = (port: number): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const socket = Net.connect({ host: loopbackHost, port })
    const answer = (ready: boolean) => {
      socket.destroy()
      resume(Effect.succeed(ready))
    }
    socket.setTimeout(answerDeadlineMillis, () => answer(false))
    socket.once("error", () => answer(false))
    socket.once("close", () => answer(false))
    socket.once("connect", () => socket.write(startupPacket))
    socket.once("data", (chunk) => {
      const type = String.fromCharCode(chunk[0] ?? 0)
      answer(type === "R" || (type === "E" && !chunk.includes(cannotConnectNow)))
    })
    return Effect.sync(() => socket.destroy())
  })

/** Whether this server, not another one on the same port, has written that it is ready. */
const reportsReady = (directory: ServerDirectory, pid: number): boolean => {
  try {
    const lines = Fs.readFileSync(Path.join(directory.data, "postmaster.pid"), "utf8").split("\n")
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready"
  } catch {
    return false
  }
}

/** Runs initdb and removes the password file. Interruption kills it. */
export const initialize = Effect.fnUntraced(function* (directory: ServerDirectory, watchdog: Watchdog) {
  const args = [
    `--pgdata=${directory.data}`,
    "--username=postgres",
    `--pwfile=${directory.passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions"
  ]
  const code = yield* Effect.acquireUseRelease(
    Programs.start(directory, watchdog, "initdb", args),
    (program) => program.ended,
    (program) => stopProgram(program, "fast")
  )
  Fs.rmSync(directory.passwordFile, { force: true })
  if (code === 0) return
  const log = yield* Programs.readLog(directory)
  return yield* new EmbeddedPostgresError({
    step: "initdb",
    detail: `initdb ended with ${code}: ${log.trim().slice(-reportedLogCharacters)}`,
    remedy: "Check the free disk space, and that the temporary directory may be used by the server's user."
  })
})

export const make = (options: {
  readonly directory: ServerDirectory
  readonly watchdog: Watchdog
  readonly settings: Readonly<Record<string, string>>
  readonly startTimeoutMillis: number
}) => {
  const { directory, watchdog } = options
  let running: Programs.Program | undefined
  let port: number | undefined
  let lastPid = 0

  const argsFor = (chosen: number): ReadonlyArray<string> => [
    "-D",
    directory.data,
    ...Object.entries({ ...options.settings, port: String(chosen) }).flatMap(([name, value]) => [
      "-c",
      `${name}=${value}`
    ])
  ]

  const untilReady = Effect.fnUntraced(function* (program: Programs.Program, chosen: number) {
    while (!program.hasEnded()) {
      if (reportsReady(directory, program.pid) && (yield* acceptsLogins(chosen))) return true
      yield* Effect.sleep(readinessPollMillis)
    }
    return false
  })

  const startOnce = Effect.fnUntraced(function* (chosen: number) {
    const logBefore = Programs.logSize(directory)
    const program = yield* Programs.start(directory, watchdog, "postgres", argsFor(chosen)).pipe(
      Effect.tap((started) =>
        Effect.sync(() => {
          running = started
          lastPid = started.pid
        })
      ),
      Effect.uninterruptible
    )
    const outcome = yield* untilReady(program, chosen).pipe(
      Effect.timeoutOption(options.startTimeoutMillis),
      Effect.onInterrupt(() => stopProgram(program, "fast"))
    )
    if (outcome._tag === "Some" && outcome.value) return { ready: true, log: "" }
    yield* stopProgram(program, "fast")
    return { ready: false, log: yield* Programs.readLog(directory, logBefore) }
  })

  /** Does nothing when the server runs. */
  const start = onMachineClock(
    Effect.gen(function* () {
      if (running !== undefined && !running.hasEnded()) return
      for (let attempt = 1; ; attempt += 1) {
        const chosen = port ?? (yield* Effect.mapError(freePort, noPort))
        const { ready, log } = yield* startOnce(chosen)
        if (ready) {
          port = chosen
          return
        }
        if (attempt < maxStartAttempts && transientProblems.some((text) => log.includes(text))) {
          yield* Effect.sleep(startRetryMillis)
          continue
        }
        return yield* new EmbeddedPostgresError({
          step: "start",
          detail: `The server did not take logins on port ${chosen}: ${log.trim().slice(-reportedLogCharacters)}`,
          remedy: log.includes(portTaken)
            ? "Another process took the port; start a new server."
            : "Read the server's log above; most often a setting is wrong or memory is short."
        })
      }
    })
  )

  const stop = (mode: StopMode) =>
    Effect.suspend(() => (running === undefined ? Effect.void : stopProgram(running, mode)))

  return { port: () => port ?? 0, pid: () => lastPid, start, stop }
}

const noPort = (error: Error) =>
  new EmbeddedPostgresError({
    step: "start",
    detail: `No port on ${loopbackHost} could be bound: ${error.message}.`,
    remedy: "Check the limit of open files (ulimit -n)."
  })
