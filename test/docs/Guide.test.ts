import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { parseEnv } from "node:util"
import { allMetrics } from "../../docs/generate-metrics.ts"
import { findingIds } from "../../src/services/observability/advice/Finding.ts"
import { checkIds as doctorChecks } from "../../src/services/doctor/checks/CheckDefinitions.ts"
import { entries } from "../../src/services/errors/catalogue/Entries.ts"
import { checkIds as inspectChecks } from "../../src/services/inspect/checks/CheckTitles.ts"
import { fieldKeys } from "../../src/services/config/settings/Fields.ts"
import { tiers } from "../../src/services/config/PoolSizing.ts"
import { fromRecord, variables } from "../../src/services/config/SessionConfig.ts"
import { blocksOf, guideDirectory, isPrinted, pageNames, readPage } from "./GuidePages.ts"

const docs = new URL("../", guideDirectory)
const golden = new URL("../cli/doctor/golden/", import.meta.url)

const blocks = pageNames.flatMap(blocksOf)
const pages = pageNames.map((page) => ({ page, text: readPage(page) }))

/** The inline code of a page, without blocks. */
const codeIn = (text: string): ReadonlyArray<string> =>
  Array.from(text.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g), ([, code]) => code!)

/** All matches in the text of any page, with the page. */
const found = (pattern: RegExp): ReadonlyArray<{ readonly page: string; readonly name: string }> =>
  pages.flatMap(({ page, text }) => Array.from(text.matchAll(pattern), ([, name]) => ({ page, name: name! })))

/** Words of inspect's output that appear next to the names of its checks. */
const STATES = new Set(["ours", "active"])

/** GitHub's anchor of a heading. */
const slugOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-")

const slugsIn = (file: URL): ReadonlyArray<string> =>
  Array.from(readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm), ([, heading]) => slugOf(heading!))

const assertLinks = (text: string, base: URL, page: string): void => {
  for (const [, path, anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
    const target = path === "" ? new URL(page, base) : new URL(path!, base)
    assert.isTrue(existsSync(target), `${page}: ${path}`)
    if (anchor !== undefined) assert.include(slugsIn(target), anchor, `${page}: ${path}#${anchor}`)
  }
}

/** The properties of an interface in a source file, one level deep. */
const propertiesOf = (source: string, name: string): ReadonlyArray<string> => {
  const start = source.indexOf(`export interface ${name} `)
  const body = source.slice(start, source.indexOf("\n}", start))
  return Array.from(body.matchAll(/^  readonly (\w+)\??:/gm), ([, property]) => property!)
}

describe("the guide", () => {
  it("names every option of sql-pg's pool, and settings of ours for them", () => {
    const source = readFileSync(new URL("../../node_modules/@effect/sql-pg/src/PgClient.ts", import.meta.url), "utf8")
    const options = [...propertiesOf(source, "PgClientConfig"), ...propertiesOf(source, "PgPoolConfig")]
    assert.isAtLeast(options.length, 27)
    const page = readPage("moving.md")
    const table = page.slice(page.indexOf("| `PgClient.layer` |")).split("\n\n")[0]!
    const named = codeIn(table.replaceAll(/^\| (.*?) \|.*$/gm, "$1")).map((code) => code.split(/[.:]/)[0])
    for (const option of options) assert.include(named, option)
    const ours = new Set<string>([...fieldKeys, "url", "host", "port", "database", "username", "password"])
    for (const code of codeIn(table.replaceAll(/^\| .*? \|/gm, ""))) {
      if (/^(?:pool|ssl)\./.test(code)) assert.isTrue(ours.has(code.split(":")[0]!), code)
    }
  })

  it("has only blocks that a test runs or compares", () => {
    for (const [at, block] of blocks.entries()) {
      const where = `${block.page}:${block.line}`
      assert.include(["ts", "console", "sql", "dotenv", "text"], block.language, where)
      if (isPrinted(block)) assert.strictEqual(blocks[at - 1]?.language, "ts", where)
      if (block.language === "console") assert.match(block.text, /^\$ (?:npx )?effect-supavisor /, where)
    }
  })

  it("shows settings that the program accepts", () => {
    const settings = blocks.filter(({ language }) => language === "dotenv")
    assert.isNotEmpty(settings)
    const url = "postgresql://postgres.abcdefghijklmnopqrst:secret@aws-1-eu-west-1.pooler.supabase.com:5432/postgres"
    for (const { line, page, text } of settings) {
      const record = parseEnv(text) as Record<string, string>
      for (const name of Object.keys(record)) {
        const known = variables.map((variable) => variable.name) as ReadonlyArray<string>
        assert.include(known, name, `${page}:${line}`)
      }
      const read = fromRecord({ SUPABASE_SESSION_POOLER: url, ...record })
      assert.isTrue(Result.isSuccess(read), `${page}:${line}: ${Result.isFailure(read) ? read.failure.message : ""}`)
    }
  })

  it("shows the program's defaults", () => {
    const [, whole] = blocks.filter(({ language, page }) => language === "dotenv" && page === "session-mode.md")
    const record = parseEnv(whole?.text ?? "") as Record<string, string>
    const shown = Result.getOrThrow(fromRecord(record))
    const usual = Result.getOrThrow(fromRecord({ SUPABASE_SESSION_POOLER: record["SUPABASE_SESSION_POOLER"] }))
    const reasoning: ReadonlyArray<string> = []
    assert.isAbove(Object.keys(record).length, 1)
    assert.deepStrictEqual(
      { ...shown, pool: { ...shown.pool, reasoning } },
      { ...usual, pool: { ...usual.pool, reasoning } }
    )
  })

  it("quotes the doctor literally", () => {
    const excerpts = blocks.filter((block) => block.golden !== undefined)
    assert.isNotEmpty(excerpts)
    for (const { golden: name, line, page, text } of excerpts) {
      assert.include(readFileSync(new URL(`${name}.txt`, golden), "utf8"), text, `${page}:${line}`)
    }
  })

  it("names only settings, checks, findings, metrics and codes that exist", () => {
    const known = {
      variables: variables.map(({ name }) => name as string),
      doctor: doctorChecks as ReadonlyArray<string>,
      inspect: inspectChecks as ReadonlyArray<string>,
      metrics: allMetrics.map(({ prometheus }) => prometheus),
      findings: findingIds as ReadonlyArray<string>,
      codes: entries.flatMap(({ code, matchers: signs }) => [signs.errno ?? [], code].flat())
    }
    for (const { name, page } of found(/\b(DB_[A-Z_]+)\b/g)) assert.include(known.variables, name, page)
    for (const { name, page } of found(/\binspect ((?:[a-z]+-)*[a-z]+)/g)) assert.include(known.inspect, name, page)
    for (const { name, page } of found(/doctor --only ([a-z,]+)/g)) {
      for (const check of name.split(",")) assert.include(known.doctor, check, page)
    }
    for (const { name, page } of found(/`(db_client_[a-z_]+)`/g)) assert.include(known.metrics, name, page)
    for (const { name, page } of found(/`(E[A-Z]{7,})`/g)) assert.include(known.codes, name, page)
    for (const { page, text } of pages) {
      for (const row of text.match(/^\|.*finding.*$/gm) ?? []) {
        for (const code of codeIn(row).filter((code) => /^[a-z]+(?:-[a-z]+)+$/.test(code) && code !== "probe-failed"))
          assert.include(known.findings, code, page)
      }
      for (const row of text.match(/^\| `inspect` \|.*$/gm) ?? []) {
        const words = codeIn(row).filter((code) => /^[a-z-]+$/.test(code) && !STATES.has(code))
        for (const code of words.slice(1)) assert.include(known.inspect, code, page)
      }
    }
  })

  it("quotes log lines and alerts literally", () => {
    const [log, alerts] = ["../src/services/observability/PoolLog.ts", "grafana/alerts.yaml"].map((path) =>
      readFileSync(new URL(path, docs), "utf8")
    )
    const rows = readPage("troubleshooting.md").matchAll(/^\| (log|alerts) \| (.*)$/gm)
    for (const [, place, row] of rows) {
      for (const quoted of codeIn(row!).filter((code) => /[A-Z ]/.test(code))) {
        // The placeholders of a template are numbers here.
        for (const part of quoted.split(/\d+/)) assert.include(place === "log" ? log : alerts, part, quoted)
      }
    }
  })

  it("lists the compute sizes that the program uses", () => {
    for (const { defaultPoolSize, maxConnections, poolerMaxClients, tier } of tiers) {
      const row = `| ${tier} | ${maxConnections} | ${poolerMaxClients} | ${defaultPoolSize} |`
      assert.include(readPage("sizing.md"), row)
    }
  })

  it("has no broken links, and an address for every named source", () => {
    for (const { page, text } of pages) {
      assertLinks(text, guideDirectory, page)
      const addresses = new Set(Array.from(text.matchAll(/^\[([\w-]+)\]: https:\/\/\S+$/gm), ([, name]) => name!))
      const used = new Set(Array.from(text.matchAll(/\]\[([\w-]+)\]/g), ([, name]) => name!))
      assert.deepStrictEqual([...used].toSorted(), [...addresses].toSorted(), page)
    }
  })

  it("has every page in its index, and every document in docs/README.md", () => {
    for (const page of pageNames) if (page !== "README.md") assert.include(readPage("README.md"), `](${page})`)
    const index = readFileSync(new URL("README.md", docs), "utf8")
    assertLinks(index, docs, "README.md")
    const documents = readdirSync(docs).filter((name) => name.endsWith(".md") && name !== "README.md")
    for (const document of [...documents, "guide/README.md"]) assert.include(index, `](${document})`)
  })
})
