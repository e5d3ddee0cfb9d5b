import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { beforeAll } from "vitest"
import { install } from "../bench/Installed.ts"

const root = Path.resolve(import.meta.dirname, "..")

/** Beneath node_modules, where what is built finds the packages that it does not contain. */
const installed = Path.join(root, "node_modules", ".cache", "effect-supavisor-test")
const dist = Path.join(installed, "dist")

const node = (...parameters: ReadonlyArray<string>): string =>
  execFileSync(process.execPath, parameters, { cwd: installed, encoding: "utf8" })

beforeAll(() => install(installed))

const built = (pattern: string): ReadonlyArray<string> =>
  Fs.globSync(pattern, { cwd: dist }).map((file) => file.replaceAll("\\", "/"))

const containing = (pattern: string, text: string): ReadonlyArray<string> =>
  built(pattern).filter((file) => Fs.readFileSync(Path.join(dist, file), "utf8").includes(text))

describe("the package that is built", () => {
  it("has a file for every door, and the program", () => {
    const doors = Fs.globSync("{layers,services}/*.ts", { cwd: Path.join(root, "src") })
    const wanted = [...doors, "index.ts", "testing/index.ts"].map((file) => file.replace(/\.ts$/, ".js"))
    const files = built("**/*.js")
    assert.deepStrictEqual(
      wanted.filter((file) => !files.includes(file)),
      []
    )
    assert.deepStrictEqual(built("*.cjs"), ["main.cjs"])
  })

  it("has one copy of every module, whatever door it is reached by", () => {
    const program = `
      import * as Index from "effect-supavisor"
      import * as Testing from "effect-supavisor/testing"
      const twice = []
      for (const [name, value] of Object.entries(Index)) {
        for (const place of ["services", "layers"]) {
          const door = await import("effect-supavisor/" + place + "/" + name).catch(() => undefined)
          if (door === undefined) continue
          const isNamespace = value[Symbol.toStringTag] === "Module"
          const pairs = isNamespace ? Object.keys(door).map((key) => [value[key], door[key]]) : [[value, door[name]]]
          if (pairs.some(([one, other]) => one !== other)) twice.push(name)
        }
      }
      console.log(JSON.stringify({ twice, exports: Object.keys(Index).length, kit: "FakeSupavisor" in Testing }))`
    const answer: { readonly twice: ReadonlyArray<string>; readonly exports: number; readonly kit: boolean } =
      JSON.parse(node("--input-type=module", "--eval", program))
    assert.deepStrictEqual(answer.twice, [])
    assert.isAbove(answer.exports, 10)
    assert.isTrue(answer.kit)
  })

  it("reaches the first row through few files", () => {
    const program = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      await import("effect-supavisor/layers/SupavisorLayer")
      console.log(loaded.filter((url) => url.includes("/dist/") && url.includes("effect-supavisor-test")).length)`
    assert.isAtMost(Number(node("--input-type=module", "--eval", program)), 5)
  })

  it("finds its own files: those that ask for them lie one folder down", () => {
    const asking = [...containing("**/*.js", "import.meta.url"), ...containing("**/*.cjs", "__filename")]
    assert.isAbove(asking.length, 1)
    assert.deepStrictEqual(
      asking.filter((file) => file.split("/").length !== 2),
      []
    )
    const manifest: { readonly version: string } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
    assert.include(node(Path.join(dist, "main.cjs"), "--version"), manifest.version)
  })
})
