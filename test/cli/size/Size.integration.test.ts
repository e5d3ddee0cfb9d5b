import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { widthOf } from "../../../src/cli/terminal/PlainText.ts"
import { SizeReport } from "../../../src/services/inspect/LoadObserver.ts"
import { fromRecord } from "../../../src/services/config/SessionConfig.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { runCommand } from "../inspect/RunCommand.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("size", (it) => {
  it.effect("prints the pool size, reasons, warnings and variables", () =>
    Effect.gen(function* () {
      const { err, exitCode, out } = yield* runCommand([
        "size",
        "--operations",
        "12",
        "--processes",
        "3",
        "--tier",
        "small"
      ])
      assert.deepStrictEqual([exitCode, err], [0, ""])
      assert.strictEqual(
        out,
        `A pool of 5 to 15 sessions in each of 3 processes, 45 in total.

Reasons:
  - 12 concurrent operations and a buffer of 20 % give max 15; min 5 is that of a medium agent.
  - 3 processes with at most 15 sessions each open up to 45 in total.
  - The compute size small has 90 connections and a default pool size of 15 sessions for each role and database.

Warnings:
  - max 15 in 3 processes, 45 sessions in all, is more than the 15 sessions the pooler grants to one role (its default pool size on the small compute size): the rest will be refused. Set max to 5 or less, or raise the pool size in the dashboard.

Variables:
DB_POOL_MIN=5
DB_POOL_MAX=15`
      )
    })
  )

  it.effect("prints valid variables, and text no wider than the terminal", () =>
    Effect.gen(function* () {
      const { out } = yield* runCommand(["size", "--agent", "large", "--tier", "4xl"], { columns: 60 })
      for (const line of out.split("\n")) assert.isAtMost(widthOf(line), 60)
      const [, pasted = ""] = out.split("Variables:\n")
      const record = Object.fromEntries(pasted.split("\n").map((line) => line.split("=")))
      const settings = yield* Effect.fromResult(fromRecord(record))
      assert.deepInclude(settings.pool, { min: 10, max: 30 })
    })
  )

  it.effect("assumes a small agent by default, and prints JSON that follows its schema", () =>
    Effect.gen(function* () {
      const { out } = yield* runCommand(["size", "--json"])
      const report = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(SizeReport))(out)
      assert.deepInclude(report, { version: 1, min: 2, max: 5, observed: null })
      assert.match(report.reasoning.join(), /a small agent is assumed/)
    })
  )

  it.effect("measures the database of the settings or of --url", () =>
    Effect.gen(function* () {
      const url = Redacted.value((yield* TestPostgres).url)
      const { err, exitCode, out } = yield* runCommand(["size", "--observe", "1s", "--url", url])
      assert.deepStrictEqual([exitCode, err], [0, "Measuring for 1.0 s ..."])
      assert.match(out, /DB_POOL_MAX=5/)
      assert.match(out, /the database postgres for|all clients of the database postgres/)
      assert.notInclude(out, new URL(url).password)
      const nowhere = yield* runCommand(["size", "--observe", "1s"])
      assert.strictEqual(nowhere.exitCode, 2)
      assert.match(nowhere.err, /SUPABASE_SESSION_POOLER/)
      const closed = yield* runCommand(["size", "--observe", "1s", "--url", "postgresql://u:p@127.0.0.1:1/d"])
      assert.strictEqual(closed.exitCode, 1)
    })
  )

  it.effect("exits with 2 for contradicting or invalid flags", () =>
    Effect.gen(function* () {
      for (const args of [
        ["--agent", "small", "--operations", "3"],
        ["--operations", "3", "--observe", "1s"],
        ["--url", "postgresql://u:p@h/d"],
        ["--agent", "huge"],
        ["--operations", "0"],
        ["--processes", "-1"],
        ["--tier", "giant"],
        ["--observe", "1ms"],
        ["--observe", "2h"]
      ]) {
        const { err, exitCode, out } = yield* runCommand(["size", ...args])
        assert.deepStrictEqual([exitCode, out], [2, ""], args.join(" "))
        assert.notStrictEqual(err, "")
      }
    })
  )
})
