import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { chart } from "../../bench/Chart.ts"
import { server } from "../../bench/Database.ts"
import { markdown } from "../../bench/Markdown.ts"
import { optionsOf } from "../../bench/Options.ts"
import type { Table } from "../../bench/Result.ts"
import { BASELINE } from "../../bench/Roster.ts"
import { run } from "../../bench/Run.ts"
import { textTable } from "../../bench/TextTable.ts"

/** The run compiles the programs, starts a dozen processes and lets sessions idle, which is slow on two busy cores. */
const PATIENCE_MILLIS = 240_000

/** One workload of each kind: the operations are tested for each contender in Contenders.integration.test.ts. */
const WORKLOADS = ["insert", "code", "lease", "burst", "sessions", "waiting", "connect", "start", "idle"]

/** The other workloads have one table each in a quick run. */
const CODE_CASES = 4

const checkTable = (table: Table): void => {
  assert.isAbove(table.rows.length, 0)
  for (const { name, ratios, values } of table.rows) {
    for (const { key } of table.columns) {
      const { max, median, min } = values[key] ?? assert.fail(`${table.title}: ${name} has no ${key}`)
      assert.isTrue(min <= median && median <= max, `${table.title}: ${key} of ${name}`)
    }
    if (name === BASELINE) assert.deepStrictEqual(ratios[table.main], { median: 1, min: 1, max: 1 })
  }
  const lines = textTable(table).split("\n")
  assert.lengthOf(lines, table.rows.length + "title, headings, end".split(",").length)
}

describe("a run of the benchmark", () => {
  it.live(
    "has a figure of every contender for every column of every workload",
    () =>
      Effect.gen(function* () {
        const args = ["--quick", "--rounds", "1", "--seconds", "0.01", "--contenders", "ours-use"]
        const options = optionsOf([...args, "--only", WORKLOADS.join(",")]) ?? assert.fail("no options")
        const finished: Array<string> = []
        const result = yield* run(options, "npm run bench", {
          began: ({ versions }) => assert.match(String(versions["PostgreSQL"]), /^17\./),
          finished: ({ workload }) => finished.push(workload)
        })
        assert.deepStrictEqual(
          finished,
          WORKLOADS.flatMap((name) => Array.from({ length: name === "code" ? CODE_CASES : 1 }, () => name))
        )
        for (const table of result.tables) checkTable(table)
        const document = markdown(result, (workload) => `images/${workload}.svg`)
        for (const workload of WORKLOADS) {
          assert.include(
            document,
            `npm run bench -- --only ${workload} --quick --rounds 1 --seconds 0.01 --contenders ours-use\n`
          )
          assert.include(document, `(images/${workload}.svg)`)
        }
        assert.include(chart(result.tables), "ours, SessionPool.use")
      }).pipe(Effect.scoped, Effect.provide(server)),
    PATIENCE_MILLIS
  )
})
