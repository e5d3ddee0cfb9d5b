import { assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { entryPoints } from "../rolldown.config.ts"
import { cruiser, renderArchitecture } from "../docs/generate-architecture.ts"

const root = Path.resolve(import.meta.dirname, "..")
const read = (file: string): string => Fs.readFileSync(Path.join(root, file), "utf8")
const exists = (file: string): boolean => Fs.existsSync(Path.join(root, file))

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly bin: Readonly<Record<string, string>>
  readonly files: ReadonlyArray<string>
  readonly scripts: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(read("package.json"))

const sources = Fs.readdirSync(Path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll(Path.sep, "/"))
  .filter((file) => file.endsWith(".ts"))
  .toSorted()

const pages = Fs.globSync(["*.md", "docs/**/*.md", "bench/**/*.md"], { cwd: root })
  .map((file) => file.replaceAll(Path.sep, "/"))
  // The links of this one are for the folder that it is packed into.
  .filter((file) => file !== "docs/consumer/AGENTS.md")

/** Resolves specifiers with Node's resolver, as a user of the package does; null for a path that is not exported. */
const resolveAsConsumer = (specifiers: ReadonlyArray<string>): ReadonlyArray<string | null> => {
  const program = `
    const notExported = (error) => { if (error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return null; throw error }
    const resolve = (name) => { try { return import.meta.resolve(name) } catch (error) { return notExported(error) } }
    console.log(JSON.stringify(${JSON.stringify(specifiers)}.map(resolve)))`
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: root,
    encoding: "utf8"
  })
  const resolved: ReadonlyArray<string | null> = JSON.parse(output)
  return resolved.map((url) => (url === null ? null : Path.relative(root, new URL(url).pathname)))
}

const compiledFrom = (target: string): string => target.replace(/^\.?\/?dist\//, "src/").replace(/\.c?js$/, ".ts")

describe("exports", () => {
  it("are the entry points that are built, with their types", () => {
    const expected = Object.entries(entryPoints).map(([name, source]) => [
      name === "index" ? "." : `./${name}`,
      { types: source.replace("src/", "./dist/types/").replace(/ts$/, "d.ts"), default: `./dist/${name}.js` }
    ])
    assert.deepStrictEqual(manifest.exports, {
      ...Object.fromEntries(expected),
      "./package.json": "./package.json"
    })
    const missing = [...Object.values(entryPoints), ...Object.values(manifest.bin).map(compiledFrom)]
    assert.deepStrictEqual(
      missing.filter((file) => !exists(file)),
      []
    )
  })

  it("are listed in the documents", () => {
    for (const page of ["docs/entry-points.md", "docs/consumer/AGENTS.md"]) {
      const listed = Array.from(
        read(page).matchAll(/^\| `effect-supavisor\/?(\w*)` \|/gm),
        ([, name]) => name || "index"
      )
      assert.deepStrictEqual(listed, Object.keys(entryPoints), page)
    }
  })

  it("are the only paths that can be imported", () => {
    const paths = ["services/pool/SessionPool", "layers/SupavisorLayer", "dist/index.js", "http/HttpApi"]
    const resolved = resolveAsConsumer(paths.map((path) => `${manifest.name}/${path}`))
    assert.deepStrictEqual(
      resolved,
      paths.map(() => null)
    )
  })

  it("the program starts with a shebang", () => {
    for (const target of Object.values(manifest.bin)) {
      assert.match(read(compiledFrom(target)), /^#!\/usr\/bin\/env node\n/)
    }
  })
})

describe("imports", () => {
  const importLines = {
    value: (to: string) => `export * from "${to}"`,
    type: (to: string) => `import type { Anything } from "${to}"`,
    inlineType: (to: string) => `import { type Anything } from "${to}"`,
    typeExport: (to: string) => `export type { Anything } from "${to}"`,
    typeQuery: (to: string) => `export type Anything = import("${to}").Anything`
  }

  /** From file, to file, and the rule that rejects the import. */
  const wrong: ReadonlyArray<readonly [from: string, to: string, rule: string]> = [
    ["services/errors/A.ts", "services/config/A.ts", "errors"],
    ["services/config/B.ts", "services/wire/A.ts", "config"],
    ["services/wire/B.ts", "services/stats/A.ts", "wire"],
    ["services/stats/B.ts", "services/session/A.ts", "stats"],
    ["services/session/B.ts", "services/pool/A.ts", "session"],
    ["services/pool/B.ts", "services/sql/A.ts", "pool"],
    ["services/doctor/B.ts", "services/pool/A.ts", "doctor"],
    ["services/inspect/B.ts", "services/doctor/A.ts", "inspect"],
    ["services/observability/B.ts", "services/sql/A.ts", "observability"],
    ["services/sql/B.ts", "http/A.ts", "sql"],
    ["services/embedded/B.ts", "testing/A.ts", "embedded"],
    ["http/B.ts", "layers/A.ts", "http"],
    ["testing/B.ts", "layers/A.ts", "testing"],
    ["layers/B.ts", "cli/A.ts", "layers"],
    ["cli/B.ts", "testing/A.ts", "for-tests"],
    ["cli/C.ts", "main.ts", "cli"],
    ["layers/C.ts", "index.ts", "layers"],
    ["cli/D.ts", "services/unknown/A.ts", "known-module"],
    ["services/config/settings/A.ts", "services/config/SessionConfig.ts", "pure"],
    ["services/config/connection-string/A.ts", "services/config/SessionConfig.ts", "pure"],
    ["services/errors/catalogue/A.ts", "services/errors/SqlErrors.ts", "pure"],
    ["services/pool/core/A.ts", "services/pool/SessionPool.ts", "pure"],
    ["services/pool/core/B.ts", "services/session/C.ts", "pure"]
  ]
  const right: ReadonlyArray<readonly [from: string, to: string]> = [
    ["main.ts", "cli/Right.ts"],
    ["cli/Right.ts", "layers/Right.ts"],
    ["layers/Right.ts", "http/Right.ts"],
    ["http/Right.ts", "services/observability/Right.ts"],
    ["services/sql/Right.ts", "services/pool/Right.ts"],
    ["services/pool/Right.ts", "services/session/Right.ts"],
    ["services/pool/core/Right.ts", "services/errors/SessionError.ts"],
    ["services/session/Right.ts", "services/errors/catalogue/Right.ts"],
    ["testing/Right.ts", "services/embedded/Right.ts"],
    ["index.ts", "layers/Right.ts"]
  ]

  interface Violation {
    readonly rule: { readonly name: string }
    readonly from: string
    readonly to: string
  }

  /** The violations, as "rule: from -> to", in a folder that has only the files given here. */
  const violationsIn = (files: Readonly<Record<string, string>>): ReadonlyArray<string> => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-supavisor-imports-"))
    try {
      for (const file of [".dependency-cruiser.mjs", "tsconfig.json"]) {
        Fs.copyFileSync(Path.join(root, file), Path.join(folder, file))
      }
      for (const [file, text] of Object.entries(files)) {
        Fs.mkdirSync(Path.join(folder, "src", Path.dirname(file)), { recursive: true })
        Fs.writeFileSync(Path.join(folder, "src", file), text)
      }
      const { stdout } = spawnSync(process.execPath, [...cruiser, "src", "--output-type", "json"], {
        cwd: folder,
        encoding: "utf8"
      })
      const result: { readonly summary: { readonly violations: ReadonlyArray<Violation> } } = JSON.parse(stdout)
      return result.summary.violations.map(
        ({ rule, from, to }) => `${rule.name}: ${from.replace("src/", "")} -> ${to.replace("src/", "")}`
      )
    } finally {
      Fs.rmSync(folder, { recursive: true, force: true })
    }
  }

  const relative = (from: string, to: string): string => {
    const path = Path.posix.relative(Path.posix.dirname(from), to)
    return path.startsWith(".") ? path : `./${path}`
  }

  const named = (file: string, kind: string): string => file.replace(/[.]ts$/, `${kind}.ts`)

  /** Each file once for each kind of import, and empty files to import. */
  const importing = (
    pairs: ReadonlyArray<readonly [from: string, to: string, ...rest: ReadonlyArray<string>]>
  ): Readonly<Record<string, string>> => ({
    ...Object.fromEntries(pairs.map(([, to]) => [to, "export interface Anything {}\n"])),
    ...Object.fromEntries(
      Object.entries(importLines).flatMap(([kind, line]) =>
        pairs.map(([from, to]) => [named(from, kind), line(relative(from, to))])
      )
    )
  })

  const kinds = Object.keys(importLines)

  it("are rejected where they do not go to a lower level, imports of types too", () => {
    const found = violationsIn(importing(wrong))
    const accepted = kinds
      .flatMap((kind) => wrong.map(([from, to, rule]) => `${rule}: ${named(from, kind)} -> ${to}`))
      .filter((violation) => !found.includes(violation))
    assert.deepStrictEqual(accepted, [])
  })

  it("are accepted where they go to a lower level", () => {
    assert.deepStrictEqual(violationsIn(importing(right)), [])
  })

  it("are rejected when they form a cycle, cycles of type imports too", () => {
    const cycles = Object.entries(importLines).flatMap(([kind, line]) => [
      [`services/errors/${kind}A.ts`, line(`./${kind}B.ts`)],
      [`services/errors/${kind}B.ts`, line(`./${kind}A.ts`)]
    ])
    const found = violationsIn(Object.fromEntries(cycles))
    assert.strictEqual(found.length, kinds.length)
    for (const kind of kinds) {
      assert.isTrue(
        found.some((violation) => violation.startsWith(`no-circular: services/errors/${kind}`)),
        kind
      )
    }
  })

  it("are rejected when the file does not exist", () => {
    const found = violationsIn({ "cli/A.ts": `export * from "./Missing.ts"\n` })
    assert.deepStrictEqual(found, ["resolvable: cli/A.ts -> ./Missing.ts"])
  })

  it("are drawn in docs/architecture.md; if not, run node docs/generate-architecture.ts", () => {
    assert.strictEqual(read("docs/architecture.md"), renderArchitecture())
  })
})

describe("the walkthroughs in docs/architecture.md", () => {
  const sections = read("docs/architecture.md").split("## Walkthroughs")[1]?.split("\n### ").slice(1) ?? []
  const walkthroughs = sections.map((section) => {
    const [title = ""] = section.split("\n")
    return { title, files: Array.from(section.matchAll(/^\d+\. `([^`]+)`/gm), ([, file = ""]) => file), section }
  })

  it("are five, with at most ten steps each", () => {
    assert.strictEqual(walkthroughs.length, 5)
    for (const { files, section, title } of walkthroughs) {
      assert.isAtLeast(files.length, 3, title)
      assert.isAtMost(files.length, 10, title)
      assert.strictEqual(
        files.length,
        Array.from(section.matchAll(/^\d+\. /gm)).length,
        `${title}: a file in each step`
      )
    }
  })

  it("name files that exist, each of which imports the next", () => {
    const broken = walkthroughs.flatMap(({ files, title }) =>
      files.flatMap((file, index) => {
        if (!exists(file)) return [`${title}: there is no ${file}`]
        const next = files[index + 1]
        if (next === undefined) return []
        const imported = Array.from(read(file).matchAll(/from "(\.[^"]+)"/g), ([, specifier = ""]) =>
          Path.posix.join(Path.posix.dirname(file), specifier)
        )
        return imported.includes(next) ? [] : [`${title}: ${file} does not import ${next}`]
      })
    )
    assert.deepStrictEqual(broken, [])
  })

  it("mention only files that exist", () => {
    const names = new Set(sources.map((file) => Path.posix.basename(file)))
    const unknown = walkthroughs.flatMap(({ section }) =>
      Array.from(section.matchAll(/`([\w/.-]+\.(?:ts|js))`/g), ([, file = ""]) => file).filter(
        (file) => !(file.includes("/") ? exists(file) : names.has(file))
      )
    )
    assert.deepStrictEqual(unknown, [])
  })
})

describe("files", () => {
  it("are named after one concept, in folders with plain names", () => {
    const odd = sources.filter((file) => {
      const path = file.split("/")
      const name = path.at(-1) ?? ""
      const folders = path.slice(0, -1)
      const named = /^[A-Z][A-Za-z0-9]*\.ts$/.test(name) || /^(main|(testing\/)?index)\.ts$/.test(file)
      return (
        !named ||
        !folders.every((folder) => /^[a-z]+(-[a-z]+)*$/.test(folder)) ||
        /(utils?|helpers?|common)[./]/i.test(file)
      )
    })
    assert.deepStrictEqual(odd, [])
  })
})

describe("documents", () => {
  it("link only to files that exist", () => {
    const broken = pages.flatMap((page) =>
      Array.from(read(page).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g), ([, link = ""]) => link)
        .filter((link) => !exists(Path.join(Path.dirname(page), link)))
        .map((link) => `${page} -> ${link}`)
    )
    assert.deepStrictEqual(broken, [])
  })

  it("name only scripts that exist", () => {
    const unknown = pages.flatMap((page) =>
      Array.from(read(page).matchAll(/\bnpm run ([a-z][a-z:-]*[a-z])/g), ([, script = ""]) => script)
        .filter((script) => !(script in manifest.scripts))
        .map((script) => `${page}: npm run ${script}`)
    )
    assert.deepStrictEqual(unknown, [])
  })

  it("AGENTS.md is short and names only paths that exist", () => {
    const text = read("AGENTS.md")
    const named = Array.from(
      text.matchAll(/`((?:src|test|docs|bench|examples|toolchain|\.ci)\/[\w./-]*)`/g),
      ([, path = ""]) => path
    )
    assert.isBelow(text.split("\n").length, 60)
    assert.isAbove(named.length, 0)
    assert.deepStrictEqual(
      named.filter((path) => !exists(path)),
      []
    )
  })

  it("the changelog opens with what is not released yet", () => {
    const headings = Array.from(read("CHANGELOG.md").matchAll(/^## (.+)$/gm), ([, heading = ""]) => heading)
    assert.strictEqual(headings[0], "[Unreleased]")
    for (const heading of headings.slice(1)) assert.match(heading, /^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/)
  })

  it("npm run check runs every check there is", () => {
    const checks = Object.keys(manifest.scripts).filter((name) => name.startsWith("check:"))
    const run = Array.from((manifest.scripts["check"] ?? "").matchAll(/npm run (\S+)/g), ([, name]) => name)
    assert.deepStrictEqual(run, checks)
  })
})
