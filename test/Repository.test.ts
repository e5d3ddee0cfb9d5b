import { assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const read = (file: string): string => Fs.readFileSync(Path.join(root, file), "utf8")
const exists = (file: string): boolean => Fs.existsSync(Path.join(root, file))

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | null>>
  readonly bin: Readonly<Record<string, string>>
  readonly files: ReadonlyArray<string>
  readonly scripts: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(read("package.json"))

const sources = Fs.readdirSync(Path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll(Path.sep, "/"))
  .filter((file) => file.endsWith(".ts"))
  .toSorted()

const papers = [...Fs.readdirSync(root), ...(exists("docs") ? Fs.readdirSync(Path.join(root, "docs")) : [])]
  .map((file) => (exists(file) ? file : `docs/${file}`))
  .filter((file) => file.endsWith(".md"))

/** What each floor of the house may import: itself and the floors below it. */
const floors: Readonly<Record<string, ReadonlyArray<string>>> = {
  "main.ts": ["cli", "layers", "http", "services", "internal"],
  "index.ts": ["layers", "http", "services", "internal"],
  cli: ["cli", "layers", "http", "services", "internal"],
  layers: ["layers", "http", "services", "internal"],
  http: ["http", "services", "internal"],
  services: ["services", "internal"],
  testing: ["testing", "services", "internal"],
  internal: ["internal"]
}

const floorOf = (file: string): string => file.split("/")[0] ?? file

interface Import {
  readonly from: string
  readonly specifier: string
  /** The imported file relative to `src`; undefined for packages and Node's own modules. */
  readonly to: string | undefined
}

const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)"([^"]+)"/gm

const imports: ReadonlyArray<Import> = sources.flatMap((from) =>
  Array.from(read(`src/${from}`).matchAll(IMPORT), ([, specifier = ""]) => ({
    from,
    specifier,
    to: specifier.startsWith(".") ? Path.posix.join(Path.posix.dirname(from), specifier) : undefined
  }))
)

const purePlaces = [
  "services/config/ConnectionString.ts",
  "services/config/PoolSizing.ts",
  "services/errors/SessionError.ts",
  "services/connection-string/",
  "services/error-catalogue/",
  "services/session-config/"
]

/** The part of the pool that decides; the rest of its room acts on what this part says. */
const purePool =
  "Breaker Ceiling Demand DialGate Histogram IdleStack Lease PoolCore PoolState Slot Snapshot Trampoline Waiters"
    .split(" ")
    .map((name) => `services/pool/${name}.ts`)
const inPlaces = (places: ReadonlyArray<string>, file: string): boolean =>
  places.some((place) => file.startsWith(place))

const roomsOf = (floor: string): ReadonlyArray<string> => [
  ...new Set(
    sources.map((file) => file.split("/")).flatMap(([top, room, file]) => (top === floor && room && file ? [room] : []))
  )
]

/** Resolves specifiers with Node's own resolver, as a consumer of the package would; null where the door is closed. */
const resolveAsConsumer = (specifiers: ReadonlyArray<string>): ReadonlyArray<string | null> => {
  const program = `
    const closed = (error) => { if (error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return null; throw error }
    const resolve = (name) => { try { return import.meta.resolve(name) } catch (error) { return closed(error) } }
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
  it("every named door and program leads to a source file", () => {
    const doors = Object.entries(manifest.exports).flatMap(([door, target]) =>
      target && !door.includes("*") ? [target] : []
    )
    const missing = [...doors, ...Object.values(manifest.bin)].map(compiledFrom).filter((file) => !exists(file))
    assert.deepStrictEqual(missing, [])
  })

  it("every service and layer is reached by its name", () => {
    const files = sources.filter((file) => /^(services|layers)\/[^/]+\.ts$/.test(file))
    const resolved = resolveAsConsumer(files.map((file) => `${manifest.name}/${file.replace(/\.ts$/, "")}`))
    assert.isAbove(files.length, 0)
    assert.deepStrictEqual(
      resolved,
      files.map((file) => `dist/${file.replace(/\.ts$/, ".js")}`)
    )
  })

  it("rooms and internals are closed", () => {
    const rooms = [
      ...roomsOf("services").map((room) => `services/${room}`),
      ...roomsOf("layers").map((room) => `layers/${room}`)
    ]
    const doors = [...rooms, "internal", "http", "cli"].map((room) => `${manifest.name}/${room}/Anything`)
    const open = resolveAsConsumer(doors).flatMap((target) => target ?? [])
    assert.deepStrictEqual(open, [], "add a null entry for the room to exports in package.json")
  })

  it("the program starts with a shebang", () => {
    for (const target of Object.values(manifest.bin)) {
      assert.match(read(compiledFrom(target)), /^#!\/usr\/bin\/env node\n/)
    }
  })
})

describe("imports", () => {
  it("go downstairs only", () => {
    const climbing = imports.flatMap(({ from, to }) =>
      to !== undefined && !(floors[floorOf(from)] ?? []).includes(floorOf(to)) ? [`${from} -> ${to}`] : []
    )
    // The stand-in for Supavisor is loaded when there is no database to go to: testing stands below layers.
    assert.deepStrictEqual(climbing, ["layers/EmbeddedPostgresLayer.ts -> services/embedded/FakeSupavisor.ts"])
  })

  it("of pure modules stay among pure modules", () => {
    const strict = imports.filter(({ from }) => inPlaces(purePlaces, from))
    const pool = imports.filter(({ from }) => inPlaces(purePool, from))
    const leaving = [
      ...strict.filter(({ to }) => to !== undefined && !inPlaces(purePlaces, to)),
      ...pool.filter(({ to }) => to !== undefined && !inPlaces([...purePlaces, ...purePool], to))
    ]
    assert.deepStrictEqual(
      leaving.map(({ from, to }) => `${from} -> ${to}`),
      []
    )
  })

  it("name modules, never barrels", () => {
    const barrels = imports.filter(({ specifier }) => /^(effect(\/[a-z-]+)?|@effect\/[a-z-]+)$/.test(specifier))
    assert.deepStrictEqual(barrels, [])
  })
})

describe("the lint rules", () => {
  const wrong: ReadonlyArray<readonly [file: string, specifier: string]> = [
    ["src/internal/Wrong.ts", "../services/Session.ts"],
    ["src/services/Wrong.ts", "../http/HttpApi.ts"],
    ["src/services/Wrong.ts", "../layers/ConfigLayer.ts"],
    ["src/services/Wrong.ts", "../cli/Serve.ts"],
    ["src/services/Wrong.ts", "../testing/TestPostgres.ts"],
    ["src/services/Wrong.ts", "../main.ts"],
    ["src/services/Wrong.ts", "effect"],
    ["src/services/Wrong.ts", "effect/sql"],
    ["src/services/Wrong.ts", "@effect/sql-pg"],
    ["src/services/Wrong.ts", "@effect/platform-node"],
    ["src/services/session/Wrong.ts", "../../http/HttpApi.ts"],
    ["src/services/config/ConnectionString.ts", "./Dialer.ts"],
    ["src/services/connection-string/Wrong.ts", "../Dialer.ts"],
    ["src/services/error-catalogue/Wrong.ts", "../Transport.ts"],
    ["src/services/session-config/Wrong.ts", "../SessionPool.ts"],
    ["src/services/pool/core/PoolCore.ts", "../Session.ts"],
    ["src/services/pool/core/PoolCore.ts", "./PoolRuntime.ts"],
    ["src/services/pool/core/PoolCore.ts", "../../layers/PgClientLayer.ts"],
    ["src/services/pool/Wrong.ts", "../../layers/PgClientLayer.ts"],
    ["src/http/Wrong.ts", "../layers/HttpLayer.ts"],
    ["src/http/Wrong.ts", "../cli/Serve.ts"],
    ["src/layers/Wrong.ts", "../cli/Serve.ts"],
    ["src/cli/Wrong.ts", "../testing/FaultProxy.ts"],
    ["src/testing/Wrong.ts", "../layers/ConfigLayer.ts"],
    ["src/testing/Wrong.ts", "../http/HttpApi.ts"],
    ["src/index.ts", "./cli/Serve.ts"]
  ]
  const right: ReadonlyArray<readonly [file: string, specifier: string]> = [
    ["src/main.ts", "./cli/Serve.ts"],
    ["src/cli/Right.ts", "../layers/SupavisorLayer.ts"],
    ["src/layers/Right.ts", "../http/HttpApi.ts"],
    ["src/http/Right.ts", "../services/SessionPool.ts"],
    ["src/services/Right.ts", "./session/Login.ts"],
    ["src/services/Right.ts", "effect/Effect"],
    ["src/services/Right.ts", "effect/sql/SqlClient"],
    ["src/services/errors/SessionError.ts", "./error-catalogue/Entry.ts"],
    ["src/services/session-config/Right.ts", "../ConnectionString.ts"],
    ["src/services/pool/core/PoolCore.ts", "./Waiters.ts"],
    ["src/services/pool/core/PoolCore.ts", "../SessionError.ts"],
    ["src/services/pool/Right.ts", "../Session.ts"],
    ["src/testing/Right.ts", "../services/EmbeddedPostgres.ts"]
  ]

  const refused = (cases: ReadonlyArray<readonly [file: string, specifier: string]>): ReadonlyArray<string> => {
    const house = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-supavisor-lint-"))
    try {
      Fs.copyFileSync(Path.join(root, ".oxlintrc.json"), Path.join(house, ".oxlintrc.json"))
      for (const [file, specifier] of cases) {
        Fs.mkdirSync(Path.join(house, Path.dirname(file)), { recursive: true })
        Fs.appendFileSync(Path.join(house, file), `export * from "${specifier}"\n`)
      }
      const program = Path.join(root, "node_modules/oxlint/bin/oxlint")
      const { stdout } = spawnSync(process.execPath, [program, "--format=unix"], { cwd: house, encoding: "utf8" })
      return Array.from(
        stdout.matchAll(/^(?:.*\/)?(src\/[^:]+):\d+:\d+: '([^']+)' import is restricted/gm),
        ([, file, specifier]) => `${file} -> ${specifier}`
      )
    } finally {
      Fs.rmSync(house, { recursive: true, force: true })
    }
  }

  it("refuse every import that goes upstairs", () => {
    assert.sameMembers(
      [...refused(wrong)],
      wrong.map(([file, specifier]) => `${file} -> ${specifier}`)
    )
  })

  it("let every import pass that goes downstairs", () => {
    assert.deepStrictEqual(refused(right), [])
  })
})

describe("files", () => {
  it("are named after one concept, in rooms with plain names", () => {
    const odd = sources.filter((file) => {
      const path = file.split("/")
      const name = path.at(-1) ?? ""
      const rooms = path.slice(0, -1)
      const named = /^[A-Z][A-Za-z0-9]*\.ts$/.test(name) || /^(main|(testing\/)?index)\.ts$/.test(file)
      return !named || !rooms.every((room) => /^[a-z]+(-[a-z]+)*$/.test(room)) || /util|helper|common/i.test(file)
    })
    assert.deepStrictEqual(odd, [])
  })
})

describe("papers", () => {
  it("link only to files that exist", () => {
    const broken = papers.flatMap((paper) =>
      Array.from(read(paper).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g), ([, link = ""]) => link)
        .filter((link) => !exists(Path.join(Path.dirname(paper), link)))
        .map((link) => `${paper} -> ${link}`)
    )
    assert.deepStrictEqual(broken, [])
  })

  it("name only scripts that exist", () => {
    const unknown = papers.flatMap((paper) =>
      Array.from(read(paper).matchAll(/\bnpm run ([a-z][a-z:-]*[a-z])/g), ([, script = ""]) => script)
        .filter((script) => !(script in manifest.scripts))
        .map((script) => `${paper}: npm run ${script}`)
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
