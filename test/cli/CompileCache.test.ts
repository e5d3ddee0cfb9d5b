import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const main = Path.resolve(import.meta.dirname, "..", "..", "src", "main.ts")

/** The program's version, as it prints it with these variables and no others. */
const version = (environment: Readonly<Record<string, string>>): string =>
  execFileSync(process.execPath, [main, "--version"], { env: environment, encoding: "utf8", timeout: 120_000 })

const withDirectory = (use: (directory: string) => void): void => {
  const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "compile-cache-"))
  try {
    use(directory)
  } finally {
    Fs.rmSync(directory, { recursive: true, force: true })
  }
}

const isPosix = process.getuid !== undefined

describe("the cache of compiled code", () => {
  it("is kept in the user's cache directory, which no other user can write to", () => {
    withDirectory((directory) => {
      assert.match(version({ XDG_CACHE_HOME: directory }), /\d+\.\d+\.\d+/)
      const cache = Path.join(directory, "effect-supavisor")
      assert.isAbove(Fs.readdirSync(cache, { recursive: true }).length, 1)
      if (isPosix) assert.strictEqual(Fs.statSync(cache).mode & 0o777, 0o700)
    })
  })

  it.runIf(isPosix)("is not used where others could put code into it", () => {
    withDirectory((directory) => {
      const cache = Path.join(directory, "effect-supavisor")
      Fs.mkdirSync(cache)
      Fs.chmodSync(cache, 0o777)
      assert.match(version({ XDG_CACHE_HOME: directory }), /\d+\.\d+\.\d+/)
      assert.deepStrictEqual(Fs.readdirSync(cache), [])
    })
  })

  it("is skipped where it cannot be written, or when Node's variable disables it", () => {
    withDirectory((directory) => {
      const file = Path.join(directory, "file")
      Fs.writeFileSync(file, "")
      assert.match(version({ XDG_CACHE_HOME: file }), /\d+\.\d+\.\d+/)
      assert.match(version({ HOME: "/dev/null" }), /\d+\.\d+\.\d+/)
      assert.match(version({ XDG_CACHE_HOME: directory, NODE_DISABLE_COMPILE_CACHE: "1" }), /\d+\.\d+\.\d+/)
      assert.deepStrictEqual(Fs.readdirSync(directory), ["file"])
    })
  })
})
