import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { widthOf } from "../../../src/cli/terminal/PlainText.ts"
import { checkIds, Inspection, InspectionReport } from "../../../src/services/inspect/Inspector.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { until } from "../../PoolHarness.ts"
import { runCheck, client, serverWithStatistics } from "../../services/inspect/checks/TestInspector.ts"
import { mainFile, start } from "../RunningProgram.ts"
import { runCommand } from "./RunCommand.ts"

/** Replaces process ids, durations and ports. */
const normalized = (text: string): string =>
  text
    .replaceAll(/\b\d+(\.\d+)? (ms|s)\b/g, "<span>")
    .replaceAll(/127\.0\.0\.1:\d+/g, "<place>")
    .replaceAll(/test_\d+/g, "<database>")
    .replaceAll(/PostgreSQL \d+(\.\d+)?/g, "PostgreSQL <version>")
    .replaceAll(/\b\d{3,7}\b/g, "<pid>")
    .replaceAll(/ {2,}/g, "  ")

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-supavisor-inspect-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
)

/** Two clients, one of which waits for the other. */
const contention = Effect.gen(function* () {
  const { url } = yield* (yield* TestPostgres).freshDatabase
  const holder = yield* client(url, "holder")
  yield* holder.run("create table t (id int primary key)")
  yield* holder.run("insert into t values (1)")
  yield* holder.run("begin")
  yield* holder.run("update t set id = 2")
  const waiter = yield* client(url, "waiter")
  yield* Effect.forkChild(waiter.run("update t set id = 3"))
  yield* until(
    "one waits",
    Effect.map(Effect.orDie(runCheck({ url }, "blocking")), ({ rows }) => Number(rows[0]?.["waitedMillis"] ?? 0) > 1000)
  )
  return Redacted.value(url)
})

layer(serverWithStatistics, { excludeTestServices: true })("inspect", (it) => {
  it.effect("prints a table, failed rules and next steps", () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* contention
      const { err, exitCode, out } = yield* runCommand(["inspect", "blocking"], { env: { DATABASE_URL }, columns: 100 })
      assert.deepStrictEqual([exitCode, err], [0, ""])
      assert.strictEqual(
        normalized(out),
        `Sessions that wait for a lock, and the sessions that hold it.
<database> at <place> as postgres, PostgreSQL <version>, <span>

BLOCKED PID  WAITED  BLOCKING PID  FIRST  BLOCKED STATEMENT  BLOCKING STATEMENT
  <pid>  <span>  <pid>  yes  update t set id = 3  update t set id = 2
Omitted columns: BLOCKING STATE, BLOCKING TRANSACTION, MODE, RELATION, BLOCKED ROLE, BLOCKED
APPLICATION, BLOCKING ROLE, BLOCKING APPLICATION. A wider terminal, a pipe or --json shows them.

Failed rule: No session has been waiting for a lock for more than <span>. 1 pair: backend <pid> for
<pid>, <span>

Next steps:
  - Backend <pid> (idle in transaction) blocks the others. End it: select pg_terminate_backend(<pid>);
  - effect-supavisor inspect idle-in-transaction shows how long it has been idle.
  - set lock_timeout = '5s' makes a statement fail instead of waiting longer.`
      )
    }).pipe(Effect.scoped)
  )

  it.effect("keeps every table within the terminal, and shows every column in a pipe", () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* contention
      for (const id of checkIds) {
        const narrow = yield* runCommand(["inspect", id, "--longer-than", "1ms"], {
          env: { DATABASE_URL },
          columns: 80
        })
        assert.strictEqual(narrow.exitCode, 0, id)
        const [table = ""] = narrow.out.split("\nNext steps:")
        for (const line of table.split("\n")) assert.isAtMost(widthOf(line), 80, line)
      }
      const piped = yield* runCommand(["inspect", "blocking"], { env: { DATABASE_URL } })
      assert.include(piped.out, "BLOCKING APPLICATION")
      assert.notInclude(piped.out, "Omitted columns")
    }).pipe(Effect.scoped)
  )

  it.effect("prints JSON that follows the schema, with --url overriding the environment", () =>
    Effect.gen(function* () {
      const url = Redacted.value((yield* TestPostgres).url)
      const env = { SUPABASE_SESSION_POOLER: "nonsense", DB_CONNECTION_TYPE: "embedded", DB_POOL_MAX: "7" }
      const { err, exitCode, out } = yield* runCommand(
        ["inspect", "pool-utilization", "--json", "--limit", "1", "--url", url],
        { env }
      )
      assert.deepStrictEqual([exitCode, err], [0, ""])
      const found = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Inspection))(out)
      assert.deepInclude(found, { version: 1, check: "pool-utilization", isTruncated: true })
      assert.notInclude(out, new URL(url).password)
    })
  )

  it.effect("explains connection errors without the password; exits with 2 for settings and 1 for the server", () =>
    Effect.gen(function* () {
      const nowhere = yield* runCommand(["inspect", "locks"])
      assert.strictEqual(nowhere.exitCode, 2)
      assert.match(nowhere.err, /SUPABASE_SESSION_POOLER +missing.*--url/)
      const broken = yield* runCommand(["inspect", "locks", "--url", "mysql://u:s3cr3t-word@h/d"])
      assert.strictEqual(broken.exitCode, 2)
      assert.match(broken.err, /✗ --url/)
      const closed = yield* runCommand(["inspect", "locks", "--url", "postgresql://u:s3cr3t-word@127.0.0.1:1/d"])
      assert.strictEqual(closed.exitCode, 1)
      assert.match(closed.err, /the connection was refused.*\n.*whether the server runs/)
      const url = new URL(Redacted.value((yield* TestPostgres).url))
      url.password = "s3cr3t-word"
      const wrong = yield* runCommand(["inspect", "locks", "--url", url.href])
      assert.strictEqual(wrong.exitCode, 1)
      assert.match(wrong.err, /password/i)
      assert.notInclude(JSON.stringify([nowhere, broken, closed, wrong]), "s3cr3t-word")
    })
  )

  it.effect("refuses invalid flags, and suggests the intended name", () =>
    Effect.gen(function* () {
      for (const args of [
        ["locks", "--limit", "0"],
        ["locks", "--timeout", "soon"],
        ["locks", "--timeout", "0"],
        ["locks", "--pooler-size", "1.5"],
        ["lock"],
        ["locks", "--jsn"]
      ]) {
        const { err, exitCode } = yield* runCommand(["inspect", ...args])
        assert.strictEqual(exitCode, 2, args.join(" "))
        assert.match(err, /Expected|Did you mean|no flag --jsn/, args.join(" "))
      }
      const help = yield* runCommand(["inspect", "bloat", "--help"])
      assert.include(help.out, "effect-supavisor inspect bloat --json --limit 5")
    })
  )

  it.effect("explains how to enable pg_stat_statements, and exits with 0", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const { exitCode, out } = yield* runCommand(["inspect", "outliers"], {
        env: { DATABASE_URL: Redacted.value(url) }
      })
      assert.strictEqual(exitCode, 0)
      assert.match(out, /pg_stat_statements is not in the database/)
      assert.match(out, /create extension if not exists pg_stat_statements/)
    }).pipe(Effect.scoped)
  )

  it.effect("report writes every check, and exits with 1 while a rule fails", () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* contention
      const directory = Path.join(yield* temporary, "a", "report")
      const failing = yield* runCommand(["inspect", "report", "--output-dir", directory], { env: { DATABASE_URL } })
      assert.strictEqual(failing.exitCode, 1)
      assert.strictEqual(failing.err, "", "everything is on stdout")
      assert.match(failing.out, /FAIL +blocking +No session has been waiting for a lock/)
      assert.match(failing.out, /\d+ of 15 rules failed/)
      assert.deepStrictEqual(
        Fs.readdirSync(directory).toSorted(),
        [...checkIds.map((id) => `${id}.csv`), "report.json", "summary.txt"].toSorted()
      )
      const report = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(InspectionReport))(
        Fs.readFileSync(Path.join(directory, "report.json"), "utf8")
      )
      assert.isFalse(report.isPassed)
      assert.match(
        Fs.readFileSync(Path.join(directory, "blocking.csv"), "utf8"),
        /^blockedPid,waitedMillis,.*\r\n\d+,\d+,/
      )
      assert.include(Fs.readFileSync(Path.join(directory, "summary.txt"), "utf8"), "FAIL")

      const { url } = yield* (yield* TestPostgres).freshDatabase
      const calm = yield* runCommand(["inspect", "report", "--output-dir", directory, "--json"], {
        env: { DATABASE_URL: Redacted.value(url) }
      })
      const second = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(InspectionReport))(calm.out)
      const failed = second.checks.flatMap(({ rules }) => rules.filter(({ outcome }) => outcome === "fail"))
      // The waiting of the other database is seen by the whole server.
      assert.deepStrictEqual(
        failed.filter(({ id }) => id !== "no-long-lock-waits"),
        []
      )
    }).pipe(Effect.scoped)
  )

  it.effect("report writes everything to a slow pipe, and exits with 1", () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* contention
      const { admin } = yield* TestPostgres
      for (let number = 0; number < 400; number++) yield* admin(`create role "role_${"x".repeat(40)}_${number}" login`)
      const command = `"$0" "${mainFile}" inspect report --json --output-dir report | { read -r line; sleep 1; echo "$line"; cat; }; exit "\${PIPESTATUS[0]}"`
      const program = yield* start({
        command: ["/bin/bash", "-c", command, process.execPath],
        cwd: yield* temporary,
        env: { DATABASE_URL }
      })
      assert.strictEqual((yield* program.ended).outcome, 1)
      assert.isAbove(program.output().length, 65_536)
      const report = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(InspectionReport))(program.output())
      assert.lengthOf(report.checks, checkIds.length)
    }).pipe(Effect.scoped)
  )

  it.effect("report names the directory that it could not write to", () =>
    Effect.gen(function* () {
      const url = Redacted.value((yield* TestPostgres).url)
      const file = Path.join(yield* temporary, "file")
      Fs.writeFileSync(file, "")
      const { err, exitCode } = yield* runCommand([
        "inspect",
        "report",
        "--output-dir",
        Path.join(file, "x"),
        "--url",
        url
      ])
      assert.strictEqual(exitCode, 1)
      assert.match(err, /could not be written to .*--output-dir/)
    }).pipe(Effect.scoped)
  )
})
