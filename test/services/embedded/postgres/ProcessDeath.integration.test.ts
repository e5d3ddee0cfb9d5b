import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ChildProcessByStdio } from "node:child_process"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Readline from "node:readline"
import type { Readable } from "node:stream"
import { timed } from "../../../Timing.ts"

const holdServer = Path.join(import.meta.dirname, "HoldServer.ts")

interface Held {
  readonly pid: number
  readonly dataDirectory: string
  readonly uid: number
}

interface Holder {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly held: Held
  readonly nextLine: Effect.Effect<unknown>
  readonly ended: Effect.Effect<string | number | null>
}

/** Runs the program that holds a server, as leader of a process group like a shell's foreground job. */
const holder = (user: { readonly uid?: number; readonly gid?: number } = {}) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Holder> => {
      const child = spawn(process.execPath, [holdServer], {
        cwd: "/",
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        ...user
      })
      let complaints = ""
      child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()))
      const ended = new Promise<string | number | null>((resolve) => {
        child.once("exit", (code, signal) => resolve(signal ?? code))
      })
      const lines = Readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const next = async () => {
        const line = await lines.next()
        if (line.done === true) throw new Error(`the program ended without output: ${complaints}`)
        return JSON.parse(line.value) as unknown
      }
      const held = (await next()) as Held
      return { child, held, nextLine: Effect.promise(next), ended: Effect.promise(() => ended) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** A zombie has ended, too; in a container no process may reap it. */
const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/^State:\s*Z/m.test(Fs.readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const everythingIsGone = ({ held }: Holder) =>
  Effect.sync(() => !isRunning(held.pid) && !Fs.existsSync(Path.dirname(held.dataDirectory))).pipe(
    Effect.repeat({ until: (gone) => gone, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutOption("5 seconds"),
    Effect.map((gone) => gone._tag === "Some")
  )

describe("EmbeddedPostgres in a process that ends", () => {
  it.live(
    "is gone with its directory within 5 seconds after kill -9",
    () =>
      Effect.gen(function* () {
        const program = yield* holder()
        assert.isTrue(isRunning(program.held.pid))
        program.child.kill("SIGKILL")
        assert.strictEqual(yield* program.ended, "SIGKILL")
        assert.isTrue(yield* everythingIsGone(program))
      }),
    timed
  )

  it.live(
    "leaves nothing behind when it is killed with -9 while it starts",
    () =>
      Effect.gen(function* () {
        const temporary = yield* Effect.acquireRelease(
          Effect.sync(() => Fs.mkdtempSync("/tmp/embedded-postgres-test-")),
          (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
        )
        Fs.chmodSync(temporary, 0o755)
        const child = spawn(process.execPath, [holdServer], { env: { TMPDIR: temporary }, stdio: "ignore" })
        const contents = Effect.sync(() => Fs.readdirSync(temporary, { recursive: true }).map(String))
        const until = (holds: (paths: ReadonlyArray<string>) => boolean) =>
          contents.pipe(
            Effect.catchCause(() => Effect.succeed(["changing"])),
            Effect.repeat({ until: holds, schedule: Schedule.spaced("10 millis") }),
            Effect.timeout("2 minutes")
          )
        yield* until((paths) => paths.some((path) => path.endsWith("postgresql.conf")))
        child.kill("SIGKILL")
        yield* until((paths) => paths.length === 0)
      }),
    timed
  )

  it.live(
    "survives a Ctrl-C of the whole process group until the program has drained",
    () =>
      Effect.gen(function* () {
        const program = yield* holder()
        process.kill(-(program.child.pid ?? 0), "SIGINT")
        assert.deepStrictEqual(yield* program.nextLine, { whileDraining: "answered" })
        assert.strictEqual(yield* program.ended, 130)
        assert.isFalse(isRunning(program.held.pid))
        assert.isTrue(yield* everythingIsGone(program))
      }),
    timed
  )

  it.live(
    "runs for an ordinary user as that user",
    ({ skip }) =>
      Effect.gen(function* () {
        if (process.getuid?.() !== 0) skip("only root can change its user")
        const program = yield* holder({ uid: 65_534, gid: 65_534 })
        assert.strictEqual(program.held.uid, 65_534)
        program.child.kill("SIGTERM")
        assert.deepStrictEqual(yield* program.nextLine, { whileDraining: "answered" })
        yield* program.ended
        assert.isTrue(yield* everythingIsGone(program))
      }),
    timed
  )
})
