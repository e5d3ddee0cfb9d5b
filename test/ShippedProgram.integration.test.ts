import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { isBuiltin } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { install } from "../bench/Installed.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"
import { environmentOf } from "./cli/Backends.ts"
import { get, repository, start } from "./cli/RunningProgram.ts"

/** The one package that the program reads from beside it: the charts of its page are files that it serves. */
const CHARTS = "uplot"

/** Optional packages that ws uses when they are installed. */
const OPTIONAL = ["bufferutil", "utf-8-validate"]

/** The package in a folder where nothing else is installed but what its own dependencies name. */
const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "shipped-program-"))

beforeAll(async () => {
  await install(folder)
  const charts = Path.join("node_modules", CHARTS)
  Fs.cpSync(Path.join(repository, charts), Path.join(folder, charts), { recursive: true })
})

afterAll(() => Fs.rmSync(folder, { recursive: true, force: true }))

const files = (): ReadonlyArray<string> =>
  Fs.globSync("dist/**/*.cjs", { cwd: folder }).map((file) => Path.join(folder, file))

/** The packages that the file requires when it is loaded. */
const packagesOf = (file: string): ReadonlyArray<string> =>
  Array.from(Fs.readFileSync(file, "utf8").matchAll(/\brequire\("([^".][^"]*)"\)/g), ([, name = ""]) => name)

layer(TestPostgres.layer, { excludeTestServices: true })("The program as it is shipped", (it) => {
  it.effect("serves, shows its page, answers its commands and ends in order with no other package beside it", () =>
    Effect.gen(function* () {
      const main = [process.execPath, Path.join(folder, "dist", "main.cjs")] as const
      const env = { ...(yield* environmentOf("shipped")), XDG_CACHE_HOME: Path.join(folder, "cache") }
      const program = yield* start({ command: main, cwd: folder, env })
      yield* program.printed(/Serving\./)
      yield* program.printed(/Health: up/)
      const address = yield* program.address
      const statuses = yield* Effect.forEach(["/readyz", "/", "/page/uplot.js", "/page/Page.css", "/metrics"], (path) =>
        Effect.map(
          Effect.promise(() => get(`${address}${path}`)),
          ({ status }) => `${path} ${status}`
        )
      )
      assert.deepStrictEqual(statuses, [
        "/readyz 200",
        "/ 200",
        "/page/uplot.js 200",
        "/page/Page.css 200",
        "/metrics 200"
      ])
      for (const command of [["doctor"], ["inspect", "report"], ["size", "--operations", "40"]]) {
        const started = yield* start({ command: [...main, ...command], cwd: folder, env })
        assert.strictEqual((yield* started.ended).outcome, 0, `${command.join(" ")}: ${started.output()}`)
      }
      program.child.kill("SIGTERM")
      assert.strictEqual((yield* program.ended).outcome, 0, program.output())
    })
  )

  it("needs no package that npm would have to install, and lists the licence of each that it contains", () => {
    const required = files().flatMap(packagesOf)
    assert.deepStrictEqual(
      required.filter((name) => !isBuiltin(name)),
      OPTIONAL
    )
    const licences = Fs.readFileSync(Path.join(folder, "dist", "program", "LICENSES.txt"), "utf8")
    for (const name of ["effect", "@effect/sql-pg", "@effect/platform-node"]) {
      assert.match(licences, new RegExp(`^${name} [0-9.]+ \\(MIT\\)$`, "m"))
    }
    assert.include(licences, "Permission is hereby granted, free of charge")
  })
})
