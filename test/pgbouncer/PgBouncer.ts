/** A PgBouncer in front of the test's PostgreSQL, for tests of what a pooler does to a pool. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { freePort, loopbackHost } from "../../src/services/embedded/postgres/FreePort.ts"
import { runAs } from "../../src/services/embedded/postgres/ServerDirectory.ts"
import * as Watchdog from "../../src/services/embedded/postgres/Watchdog.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { until } from "../PoolHarness.ts"

/** Where Debian's package puts the program: a directory that is on the PATH of root alone. */
const DEBIAN_DIRECTORY = "/usr/sbin"

/** The installed program; undefined where there is none. */
export const program: string | undefined = [...(process.env["PATH"] ?? "").split(Path.delimiter), DEBIAN_DIRECTORY]
  .map((directory) => Path.join(directory, "pgbouncer"))
  .find((path) => Fs.existsSync(path))

/** As in pgbouncer.ini; a number or a word by the setting's own name. */
export type PgBouncerSettings = Readonly<Record<string, string | number>>

export interface PgBouncerShape {
  readonly host: string
  readonly port: number
  /** The test server's own superuser and database, through the pooler. */
  readonly url: Redacted.Redacted<string>
  /** PAUSE and RESUME, by the signals that mean the same (PgBouncer docs, "Signals"). */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** The process is killed: its clients see their sockets close without a message. */
  readonly crash: Effect.Effect<void>
  /** Starts it again on the same port. */
  readonly start: Effect.Effect<void>
  readonly log: () => string
}

/** What Supavisor did before it refused at once: a minute's queue; everything else as the tests need it. */
const DEFAULTS: PgBouncerSettings = {
  pool_mode: "session",
  auth_type: "scram-sha-256",
  query_wait_timeout: 60,
  unix_socket_dir: "",
  logfile: ""
}

const chown = (path: string): string => {
  const user = runAs()
  if (user !== undefined) Fs.chownSync(path, user.uid, user.gid)
  return path
}

const write = (path: string, lines: ReadonlyArray<string>): string => {
  Fs.writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 })
  return chown(path)
}

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

const make = Effect.fnUntraced(function* (
  settings: PgBouncerSettings = {}
): Effect.fn.Return<PgBouncerShape, never, Scope.Scope | TestPostgres> {
  if (program === undefined) return yield* Effect.die(new Error("pgbouncer is not installed"))
  const command = program
  const { server } = yield* TestPostgres
  const port = yield* Effect.orDie(freePort)
  const directory = Path.join(Os.tmpdir(), `effect-supavisor-pgbouncer-${randomUUID()}`)
  const watchdog = yield* Effect.orDie(Watchdog.make(directory))
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      Fs.mkdirSync(directory, { mode: 0o700 })
      chown(directory)
    }),
    () => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
  )
  const password = Redacted.value(server.password)
  const users = write(Path.join(directory, "users.txt"), [`"${server.username}" "${password}"`])
  const own = { ...DEFAULTS, ...settings, auth_file: users, listen_addr: loopbackHost, listen_port: port }
  const config = write(Path.join(directory, "pgbouncer.ini"), [
    "[databases]",
    `* = host=${server.host} port=${server.port}`,
    "[pgbouncer]",
    ...Object.entries(own).map(([name, value]) => `${name} = ${value}`)
  ])

  let log = ""
  let child: ChildProcess | undefined
  const untilLogged = (text: string, from: number) =>
    until(
      `PgBouncer logs "${text}"; its log: ${log.slice(-1000)}`,
      Effect.sync(() => log.includes(text, from))
    )

  const start = Effect.suspend(() => {
    const from = log.length
    const started = spawn(command, [config], {
      cwd: directory,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      ...runAs()
    })
    child = started
    if (started.pid !== undefined) watchdog.track(started.pid)
    started.once("exit", watchdog.forget)
    started.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString()
    })
    return untilLogged("process up", from)
  })
  const crash = Effect.suspend(() => {
    if (child === undefined) return Effect.void
    child.kill("SIGKILL")
    return ended(child)
  })
  const signal = (name: NodeJS.Signals, answer: string) =>
    Effect.suspend(() => {
      const from = log.length
      child?.kill(name)
      return untilLogged(answer, from)
    })

  yield* Effect.addFinalizer(() => crash)
  yield* start
  return {
    host: loopbackHost,
    port,
    url: Redacted.make(`postgresql://${server.username}:${password}@${loopbackHost}:${port}/${server.database}`),
    pause: signal("SIGUSR1", "got SIGUSR1"),
    resume: signal("SIGUSR2", "got SIGUSR2"),
    crash,
    start,
    log: () => log
  }
})

/** A PgBouncer, alive while the layer is. */
export class PgBouncer extends Context.Service<PgBouncer, PgBouncerShape>()("effect-supavisor/test/PgBouncer") {
  /** Starts one for as long as the scope is open. */
  static readonly make = make

  /** {@link PgBouncer.make} as a layer. */
  static readonly layer = (settings?: PgBouncerSettings): Layer.Layer<PgBouncer, never, TestPostgres> =>
    Layer.effect(PgBouncer, make(settings))
}
