import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"

/** The numbers of all faults that concern the pool; docs/reliability.md explains the missing numbers. */
const FAULTS = [
  [1, 52],
  [54, 54],
  [56, 57],
  [60, 69],
  [71, 75],
  [78, 82],
  [90, 101]
].flatMap(([first = 0, last = 0]) => Array.from({ length: last - first + 1 }, (_, index) => first + index))

/** A test: `it(…)`, `it.effect(…)`, `it.live(…)` or `it.each(…)(…)`, with its title as it is written. */
const TITLE = /\bit(?:\.\w+)*(?:\([^()]*\))?\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g

interface Row {
  readonly number: number
  readonly cells: ReadonlyArray<string>
  readonly proofs: ReadonlyArray<string>
}

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")

const rows: ReadonlyArray<Row> = read("docs/reliability.md")
  .split("\n")
  .flatMap((line) => {
    const cells = line.split("|").map((cell) => cell.trim())
    const number = Number(cells[1])
    return line.startsWith("|") && Number.isInteger(number)
      ? [{ number, cells: cells.slice(1, -1), proofs: (cells[4] ?? "").split("<br>") }]
      : []
  })

/** A title with placeholders, `${value}` or `%s`, matches every title that differs only there. */
const patternOf = (title: string): RegExp => {
  const literal = title
    .replaceAll(/\\(.)/g, "$1")
    .split(/\$\{[^}]*\}|%[so]/)
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${literal.join(".+")}$`)
}

const titles = new Map<string, ReadonlyArray<RegExp>>()
const titlesOf = (path: string): ReadonlyArray<RegExp> => {
  const known = titles.get(path)
  if (known !== undefined) return known
  const found = Array.from(read(path).matchAll(TITLE), ([, , title = ""]) => patternOf(title))
  titles.set(path, found)
  return found
}

/** The problem of a proof (a file and a title); undefined if the test exists. */
const problemOf = (proof: string): string | undefined => {
  const [, file, title] = /^`([^`]+)`: (.+)$/.exec(proof) ?? []
  if (file === undefined || title === undefined) return `neither file nor title: ${proof}`
  if (!existsSync(new URL(file, import.meta.url))) return `no such file: ${file}`
  return titlesOf(`test/${file}`).some((pattern) => pattern.test(title)) ? undefined : `no such test: ${proof}`
}

describe("the table of faults", () => {
  it("has one row for every fault that concerns the pool", () => {
    assert.deepStrictEqual(
      rows.map(({ number }) => number).toSorted((a, b) => a - b),
      FAULTS
    )
  })

  it("has a fault, a guarantee and a test in every row", () => {
    assert.deepStrictEqual(
      rows.filter(({ cells }) => cells.length !== 4 || cells.includes("")),
      []
    )
  })

  it("names only existing tests", () => {
    assert.deepStrictEqual(
      rows.flatMap(({ number, proofs }) =>
        proofs.map(problemOf).flatMap((problem) => (problem === undefined ? [] : [`${number}: ${problem}`]))
      ),
      []
    )
  })

  it("names no test twice in a row, and all tests in test/reliability", () => {
    for (const { proofs } of rows) assert.strictEqual(new Set(proofs).size, proofs.length)
    const files = readdirSync(new URL("reliability", import.meta.url)).filter((file) => file.endsWith(".test.ts"))
    assert.isNotEmpty(files)
    for (const file of files) {
      const named = rows.flatMap(({ proofs }) =>
        proofs.filter((proof) => proof.startsWith(`\`reliability/${file}\`: `))
      )
      const namedTitles = named.map((proof) => proof.replace(/^`[^`]+`: /, ""))
      for (const pattern of titlesOf(`test/reliability/${file}`)) {
        assert.isTrue(
          namedTitles.some((title) => pattern.test(title)),
          `${file}: ${pattern.source}`
        )
      }
    }
  })
})
