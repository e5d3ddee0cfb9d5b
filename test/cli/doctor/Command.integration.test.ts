import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DoctorReport } from "../../../src/services/doctor/Doctor.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { eventually, mainFile, start } from "../RunningProgram.ts"

const POOLER = "aws-0-eu-central-1.pooler.supabase.com:5432/postgres"

/** The pool is larger than the pooler's default: a warning without network access. */
const WARNED = {
  SUPABASE_SESSION_POOLER: `postgresql://postgres.abcdefghijklmnopqrst:s3cr3t-CANARY@${POOLER}`,
  DB_POOL_MAX: "30"
}

const decode = Schema.decodeUnknownSync(DoctorReport)

const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  start({ command: [process.execPath, mainFile, "doctor", ...args], env })

const finished = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const program = yield* run(args, env)
    const { outcome } = yield* program.ended
    return { outcome, output: program.output() }
  })

layer(TestPostgres.layer, { excludeTestServices: true })("the command doctor", (it) => {
  it.effect("prints the table and the verdict, without escape codes in a pipe, and exits with 0", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const { outcome, output } = yield* finished([Redacted.value(url)])
      assert.match(output, /^COMPONENT +TARGET +STATUS +TIME +DETAILS\n/)
      assert.match(output, /\nSUMMARY: All \d+ results are in order\. Sessions can be opened\.\n$/)
      assert.notInclude(output, "\u001B")
      assert.isTrue(output.split("\n").every((line) => line.length <= 80))
      assert.strictEqual(outcome, 0)
    })
  )

  it.effect("exits with 0 for warnings, and with 1 under --strict", () =>
    Effect.gen(function* () {
      const [lenient, strict] = yield* Effect.all(
        [finished(["--only", "config"], WARNED), finished(["--only", "config", "--strict"], WARNED)],
        { concurrency: 2 }
      )
      assert.include(lenient.output, "SUMMARY: 1 warning: Config.")
      assert.deepStrictEqual([lenient.outcome, strict.outcome], [0, 1])
    })
  )

  it.effect("exits with 1 for a failure and with 2 for invalid settings", () =>
    Effect.gen(function* () {
      const [failed, invalid] = yield* Effect.all(
        [
          finished(["postgresql://u:s3cr3t-CANARY@127.0.0.1:1/d", "--only", "tcp"]),
          finished(["postgresql://u:s3cr3t-CANARY@db.abcdefghijklmnopqrst.supabase.co:6543/d"])
        ],
        { concurrency: 2 }
      )
      assert.include(failed.output, "ERROR: TCP:")
      assert.include(invalid.output, "no check was run")
      assert.deepStrictEqual([failed.outcome, invalid.outcome], [1, 2])
      assert.notInclude(failed.output + invalid.output, "CANARY")
      assert.notInclude(invalid.output, "abcdefghijklmnopqrst")
    })
  )

  it.effect("prints one JSON document that follows its schema", () =>
    Effect.gen(function* () {
      const { outcome, output } = yield* finished(["--json", "--only", "endpoint"], WARNED)
      const report = decode(JSON.parse(output))
      assert.strictEqual(report.version, 1)
      assert.strictEqual(report.verdict.status, "warnings")
      assert.strictEqual(outcome, 0)
    })
  )

  it.effect("prints one report per line until it is interrupted, and exits with 0", () =>
    Effect.gen(function* () {
      const program = yield* run(["--json-lines", "--every", "20ms", "--only", "config"], WARNED)
      const lines = yield* eventually("three lines", () => {
        const whole = program.output().split("\n").slice(0, -1)
        return whole.length < 3 ? undefined : whole
      })
      program.child.kill("SIGINT")
      assert.strictEqual((yield* program.ended).outcome, 0)
      assert.strictEqual(decode(JSON.parse(lines[2] ?? "")).verdict.status, "warnings")
    })
  )

  it.effect("reads the given file of variables", () =>
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "doctor-env-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const file = join(directory, "variables")
      writeFileSync(file, `SUPABASE_SESSION_POOLER='${WARNED.SUPABASE_SESSION_POOLER}'\n`)
      const { outcome, output } = yield* finished(["--env-file", file, "--only", "endpoint"])
      assert.include(output, "…qrst")
      assert.strictEqual(outcome, 0)
    })
  )

  it.effect("exits with 2 for flags that contradict each other or name nothing", () =>
    Effect.gen(function* () {
      const wrong = [
        [["--only", "dsn"], "there is no check dsn"],
        [["--every", "5s"], "--every goes with --json-lines"],
        [["--json", "--json-lines"], "not both"],
        [["--name-server", "example.test"], "--name-server takes an address"],
        [["--timeout", "soon"], "--timeout"]
      ] as const
      const ends = yield* Effect.forEach(wrong, ([args]) => finished(args, WARNED), { concurrency: 2 })
      for (const [at, { outcome, output }] of ends.entries()) {
        assert.include(output, wrong[at]?.[1] ?? "")
        assert.strictEqual(outcome, 2, output)
      }
    })
  )

  it.effect("lists its checks without running them", () =>
    Effect.gen(function* () {
      const { outcome, output } = yield* finished(["--list-checks"])
      assert.match(output, /^config +Reads the settings/)
      assert.match(output, /\nlatency +Times 20 round trips/)
      assert.strictEqual(outcome, 0)
    })
  )
})
