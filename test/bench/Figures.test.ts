import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { chart } from "../../bench/Chart.ts"
import { markdown } from "../../bench/Markdown.ts"
import { keys, KEYS } from "../../bench/Operation.ts"
import { optionsOf } from "../../bench/Options.ts"
import { Recorder } from "../../bench/Recorder.ts"
import { spreadOf, type Table } from "../../bench/Result.ts"
import { textTable } from "../../bench/TextTable.ts"
import { FifoQueue } from "../../bench/wire/FifoQueue.ts"

/** A bucket is 2 % wide, and a percentile is its upper bound. */
const BUCKET = 1.03

const table: Table = {
  workload: "point",
  title: "one row, <10> callers",
  rounds: 3,
  columns: [
    { key: "rate", title: "per second", digits: 0 },
    { key: "cpu", title: "CPU us each", digits: 1, isCompared: true }
  ],
  main: "rate",
  rows: [
    {
      name: "bare",
      title: "bare socket",
      values: { rate: spreadOf([51_000, 49_000, 50_000]), cpu: spreadOf([10]) },
      ratios: { rate: spreadOf([1]), cpu: spreadOf([1]) }
    },
    {
      name: "ours-use",
      title: "ours | use",
      values: { rate: spreadOf([1_250_000.4]) },
      ratios: { rate: spreadOf([0.8, 0.9, 0.85]) }
    }
  ]
}

describe("the figures of the benchmark", () => {
  it("have percentiles that are exact to the width of a bucket", () => {
    const millis = fc.double({ min: 0.001, max: 60_000, noNaN: true })
    fc.assert(
      fc.property(fc.array(millis, { minLength: 1 }), fc.constantFrom(0.5, 0.95, 0.99), (all, part) => {
        const recorder = new Recorder()
        for (const each of all) recorder.record(each)
        const exact = all.toSorted((a, b) => a - b)[Math.ceil(all.length * part) - 1] ?? Number.NaN
        const found = recorder.percentile(part)
        assert.isTrue(found >= exact * 0.999 && found <= exact * BUCKET, `${found} for ${exact}`)
        assert.strictEqual(recorder.operations, all.length)
      })
    )
  })

  it("have the mean of the two middle rounds as the median of an even number", () => {
    assert.deepStrictEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 })
  })

  it("use keys that visit the whole table", () => {
    const next = keys()
    const seen = new Set(Array.from({ length: KEYS }, next))
    assert.strictEqual(seen.size, KEYS)
    assert.strictEqual(Math.min(...[...seen].slice(0, 1000)) >= 1 && seen.has(KEYS), true)
  })

  it("are printed in aligned columns", () => {
    assert.deepStrictEqual(textTable(table).split("\n"), [
      "point: one row, <10> callers (medians of 3 rounds)",
      "contender    per second              min..max  of bare    min..max  CPU us each  of bare    min..max",
      "bare socket      50 000        49 000..51 000     1.00  1.00..1.00         10.0     1.00  1.00..1.00",
      "ours | use    1 250 000  1 250 000..1 250 000     0.85  0.80..0.90",
      ""
    ])
  })

  it("are rendered as Markdown with the command that measures them, whatever a title contains", () => {
    const result = {
      command: "npm run bench -- --json x.json",
      flags: ["--through", "fake"],
      date: "2026-01-01",
      machine: { cpu: "a CPU", cores: 2, platform: "linux x64" },
      versions: { Node: "24.0.0" },
      route: "fake",
      seconds: 1,
      tables: [table]
    } as const
    const text = markdown(result, () => undefined)
    assert.include(text, "    npm run bench -- --only point --through fake\n")
    assert.include(text, "| ours \\| use | 1 250 000 |")
    assert.include(text, "Node 24.0.0, on a CPU (2 cores, linux x64), behind fake")
  })

  it("are drawn as a chart with escaped texts and bars that begin at zero", () => {
    const svg = chart([table])
    assert.include(svg, "one row, &#60;10&#62; callers: per second of bare = 1")
    assert.notInclude(svg, "<10>")
    assert.match(svg, /<rect class="ours" x="202" y="\d+" width="[\d.]+"/)
    assert.notInclude(svg, "NaN")
  })
})

const root = new URL("../../", import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), "utf8")
const resultFiles = readdirSync(new URL("bench/results/", root))

interface Ratios {
  readonly rate: string | undefined
  readonly cpu: string | undefined
}

const cellsIn = (row: string): ReadonlyArray<string> =>
  row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim())

/** The ratios to bare in a file of bench/results, by the table's title and the contender. */
const ratiosIn = (file: string): ReadonlyMap<string, Ratios> => {
  const tables = read(`bench/results/${file}`).matchAll(/^\*\*(.*) \((?:medians|one round).*\)\*\*\n\n((?:\|.*\n)+)/gm)
  const found = new Map<string, Ratios>()
  for (const [, title, text] of tables) {
    const [headings = [], , ...rows] = text!.trim().split("\n").map(cellsIn)
    const after = (heading: string): number => headings.indexOf("of bare", headings.indexOf(heading))
    for (const row of rows) {
      found.set(`${title}: ${row[0]}`, { rate: row[after("per second")], cpu: row[after("CPU us each")] })
    }
  }
  return found
}

/** The columns of the two summary tables in docs/performance.md, as the results name them. */
const SUMMARY_COLUMNS = [
  ...[10, 100, 1000].map((callers) => `select 1, ${callers} callers`),
  ...[10, 100, 1000].map((callers) => `one row of 100 000 by its key, ${callers} callers`),
  "insert returning, 10 callers",
  "1 000 rows of 10 columns, 10 callers",
  "begin, select, update, commit, 10 callers"
]

describe("docs/performance.md", () => {
  const page = read("docs/performance.md")

  it("is short enough to be read, and names every file of results and only source files that exist", () => {
    assert.isAtMost(page.split("\n").length, 250)
    for (const file of resultFiles) assert.include(page, `(../bench/results/${file})`)
    for (const [, path] of page.matchAll(/`(src\/[^`]+)`/g)) assert.isTrue(existsSync(new URL(path!, root)), path)
  })

  it("summarizes the direct runs with their figures", () => {
    const runs = [ratiosIn("direct-2026-11-28.md"), ratiosIn("direct-2026-11-29.md")]
    const tables = Array.from(page.matchAll(/^\| client \|.*\n\|.*\n((?:\|.*\n)+)/gm), ([, rows]) => rows!)
    assert.lengthOf(tables, 2)
    for (const [at, key] of (["rate", "cpu"] as const).entries()) {
      const rows = tables[at]!.trim().split("\n").map(cellsIn)
      assert.isAtLeast(rows.length, 9)
      for (const [client, ...shown] of rows) {
        for (const [column, title] of SUMMARY_COLUMNS.entries()) {
          const measured = runs.flatMap((run) => run.get(`${title}: ${client}`)?.[key] ?? [])
          assert.strictEqual(shown[column], measured.join(", "), `${title}: ${client}`)
        }
      }
    }
  })

  it.each(resultFiles)("rests on results with their date, versions, machine and commands: %s", (file) => {
    const text = read(`bench/results/${file}`)
    const [, date = ""] = /-(\d{4}-\d\d-\d\d)\.md$/.exec(file) ?? []
    assert.match(text.replaceAll(/\s+/g, " "), new RegExp(`Measured on ${date} with Node .*PostgreSQL .* on AMD EPYC`))
    const sections = text.split(/^## /gm).slice(1)
    assert.isNotEmpty(sections)
    for (const section of sections) {
      const workload = section.slice(0, section.indexOf("\n"))
      assert.include(section, `    npm run bench -- --only ${workload} `)
      assert.match(section, /^\| bare socket \||^\| pg, plain \||^\| postgres\.js \|/m)
    }
  })
})

describe("the queue of the bare client", () => {
  it("is first in, first out, however pushes and shifts alternate", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 12 }), (steps) => {
        const line = new FifoQueue<number>()
        let pushed = 0
        let shifted = 0
        for (const [index, step] of steps.entries()) {
          for (let times = 0; times < step; times++) {
            if (index % 2 === 0) line.push(pushed++)
            else assert.strictEqual(line.shift(), shifted < pushed ? shifted++ : undefined)
          }
          assert.strictEqual(line.length, pushed - shifted)
        }
      }),
      { numRuns: 20 }
    )
  })
})

describe("the command line of the benchmark", () => {
  it("refuses unknown names and lists the known ones", () => {
    assert.throws(
      () => optionsOf(["--only", "point,nothing"]),
      /No workload is called nothing; there are select1, point/
    )
    assert.throws(() => optionsOf(["--contenders", "mysql"]), /No contender is called mysql; there are bare, packed/)
    assert.throws(() => optionsOf(["--rounds", "0"]), "--rounds must be a number above 0, not 0")
    assert.throws(() => optionsOf(["--through", "tunnel"]), "--through must be direct, fake, pgbouncer, not tunnel")
    assert.throws(() => optionsOf(["--fast"]), /--fast/)
  })

  it("always includes the baseline", () => {
    const names = optionsOf(["--contenders", "ours-use,pg"])?.entries.map(({ name }) => name)
    assert.deepStrictEqual(names, ["bare", "pg", "ours-use"])
  })

  it("leaves expensive workloads out of a quick run unless they are named", () => {
    const quick = optionsOf(["--quick"])
    assert.notInclude(quick?.workloads.map(({ name }) => name) ?? [], "idle")
    assert.deepStrictEqual(
      optionsOf(["--quick", "--only", "idle"])?.workloads.map(({ name }) => name),
      ["idle"]
    )
    assert.include(optionsOf([])?.workloads.map(({ name }) => name) ?? [], "idle")
  })

  it("returns no options for --help", () => {
    assert.isUndefined(optionsOf(["--help"]))
  })
})
