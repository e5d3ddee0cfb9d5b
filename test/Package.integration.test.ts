import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import * as Path from "node:path"
import { beforeAll } from "vitest"
import { install } from "../bench/Installed.ts"
import { entryPoints } from "../rolldown.config.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"

const root = Path.resolve(import.meta.dirname, "..")

/** Below node_modules, where the package finds its peers. */
const folder = Path.join(root, "node_modules", ".cache", "effect-supavisor-test")

/** The project that installed the packed package. */
const consumer = Path.join(folder, "consumer")
const installed = Path.join(consumer, "node_modules", "effect-supavisor")
const dist = Path.join(installed, "dist")

const run = (program: string, parameters: ReadonlyArray<string>, cwd: string): string =>
  execFileSync(program, parameters, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

const node = (...parameters: ReadonlyArray<string>): string => run(process.execPath, parameters, consumer)

const tsc = (...parameters: ReadonlyArray<string>): string =>
  run(process.execPath, [Path.join(root, "node_modules", "typescript", "bin", "tsc"), ...parameters], root)

/** `npm run build` and `npm pack` in a copy of the repository, unpacked where `npm install` puts it. */
const packAndInstall = async (): Promise<void> => {
  const copy = Path.join(folder, "repository")
  Fs.rmSync(folder, { recursive: true, force: true })
  await install(copy)
  tsc("-p", "tsconfig.build.json", "--outDir", Path.join(copy, "dist", "types"))
  for (const file of ["src", "README.md", "CHANGELOG.md", "LICENSE", "AGENTS.md", "docs/consumer"]) {
    Fs.cpSync(Path.join(root, file), Path.join(copy, file), { recursive: true })
  }
  run(process.execPath, [Path.join(root, ".ci", "pack.mjs"), "before"], copy)
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], copy)
  Fs.mkdirSync(installed, { recursive: true })
  run("tar", ["-xzf", ...Fs.globSync("*.tgz", { cwd: folder }), "-C", installed, "--strip-components=1"], folder)
}

beforeAll(packAndInstall)

const packed = (pattern: string): ReadonlyArray<string> =>
  Fs.globSync(pattern, { cwd: installed }).map((file) => file.replaceAll("\\", "/"))

const containing = (pattern: string, text: string): ReadonlyArray<string> =>
  packed(pattern).filter((file) => Fs.readFileSync(Path.join(installed, file), "utf8").includes(text))

const specifiers = Object.keys(entryPoints).map((name) =>
  name === "index" ? "effect-supavisor" : `effect-supavisor/${name}`
)

/** The first TypeScript block of README.md that imports the package. */
const example = (): string => {
  const blocks = Fs.readFileSync(Path.join(root, "README.md"), "utf8").matchAll(/```ts\n([^]*?)```/g)
  return Array.from(blocks, ([, text = ""]) => text).find((text) => text.includes("effect-supavisor/")) ?? ""
}

layer(TestPostgres.layer, { excludeTestServices: true })("the package as npm packs it", (it) => {
  it("imports by every entry point, with one copy of every module", () => {
    const program = `
      const specifiers = ${JSON.stringify(specifiers)}
      const modules = new Map()
      for (const specifier of specifiers) modules.set(specifier, await import(specifier))
      const index = modules.get("effect-supavisor")
      const copies = []
      for (const [name, value] of Object.entries(index)) {
        const entryPoint = modules.get("effect-supavisor/" + name)
        if (entryPoint === undefined) continue
        const isNamespace = value[Symbol.toStringTag] === "Module"
        const pairs = isNamespace ? Object.keys(value).map((key) => [value[key], entryPoint[key]]) : [[value, entryPoint[name]]]
        if (pairs.some(([one, other]) => one !== other)) copies.push(name)
      }
      console.log(JSON.stringify({ imported: modules.size, copies }))`
    const result: unknown = JSON.parse(node("--input-type=module", "--eval", program))
    assert.deepStrictEqual(result, { imported: specifiers.length, copies: [] })
  })

  it("has types that a strict project accepts without skipLibCheck", () => {
    const imports = specifiers.map((specifier, index) => `export * as entry${index} from "${specifier}"`)
    Fs.writeFileSync(Path.join(consumer, "Types.ts"), `${imports.join("\n")}\n`)
    const compilerOptions = {
      target: "es2024",
      module: "nodenext",
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      types: ["node"]
    }
    Fs.writeFileSync(
      Path.join(consumer, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["Types.ts", "Example.ts"] })
    )
    Fs.writeFileSync(Path.join(consumer, "package.json"), JSON.stringify({ type: "module" }))
    Fs.writeFileSync(Path.join(consumer, "Example.ts"), example())
    assert.strictEqual(tsc("-p", consumer), "")
  })

  it.effect("runs the library example of README.md", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      // Node does not strip types below node_modules.
      Fs.writeFileSync(Path.join(consumer, "Example.js"), stripTypeScriptTypes(example()))
      const output = execFileSync(process.execPath, ["Example.js"], {
        cwd: consumer,
        encoding: "utf8",
        env: { ...process.env, SUPABASE_SESSION_POOLER: Redacted.value(url) }
      })
      assert.include(output, "PostgreSQL")
    })
  )

  it("reaches the first row through few files", () => {
    const program = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      await import("effect-supavisor/SupavisorLayer")
      console.log(loaded.filter((url) => url.includes("/effect-supavisor/dist/")).length)`
    assert.isAtMost(Number(node("--input-type=module", "--eval", program)), 5)
  })

  it("finds its own files: modules that use their own address are one folder down", () => {
    const usingOwnPath = [
      ...containing("dist/**/*.js", "import.meta.url"),
      ...containing("dist/**/*.cjs", "__filename")
    ]
    assert.isAbove(usingOwnPath.length, 1)
    assert.deepStrictEqual(
      usingOwnPath.filter((file) => file.split("/").length !== 3),
      []
    )
    const manifest: { readonly version: string } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
    assert.include(node(Path.join(dist, "main.cjs"), "--version"), manifest.version)
  })

  it("has no dead links, and the AGENTS.md for its users", () => {
    const pages = packed("*.md")
    assert.sameMembers([...pages], ["AGENTS.md", "CHANGELOG.md", "README.md"])
    const dead = pages.flatMap((page) =>
      Array.from(
        Fs.readFileSync(Path.join(installed, page), "utf8").matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g),
        ([, link = ""]) => `${page} -> ${link}`
      ).filter((link) => !Fs.existsSync(Path.join(installed, link.split(" -> ")[1] ?? "")))
    )
    assert.deepStrictEqual(dead, [])
    assert.include(Fs.readFileSync(Path.join(installed, "AGENTS.md"), "utf8"), "# Using effect-supavisor")
  })
})
