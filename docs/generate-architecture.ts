/** Draws the graph of modules into `docs/architecture.md`, from the imports that dependency-cruiser finds. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const page = new URL("architecture.md", import.meta.url)

const BEGIN = "<!-- modules: written by node docs/generate-architecture.ts -->"
const END = "<!-- modules end -->"

interface Cruise {
  readonly modules: ReadonlyArray<{
    readonly source: string
    readonly dependencies: ReadonlyArray<{ readonly resolved: string }>
  }>
}

export const cruiser = [
  "--import",
  new URL("../.ci/typescript-with-api.mjs", import.meta.url).href,
  fileURLToPath(new URL("../node_modules/dependency-cruiser/bin/dependency-cruiser.mjs", import.meta.url))
]

const moduleOf = (file: string): string => /^src\/(?:services\/)?([^/.]+)/.exec(file)?.[1] ?? file

const byName = (one: string, other: string): number => (one < other ? -1 : 1)

/** For each module the modules that it imports. */
const importsOf = (cruise: Cruise): ReadonlyMap<string, ReadonlySet<string>> => {
  const imports = new Map<string, Set<string>>()
  for (const { source, dependencies } of cruise.modules) {
    const from = moduleOf(source)
    const to = imports.get(from) ?? new Set()
    imports.set(from, to)
    for (const { resolved } of dependencies) if (moduleOf(resolved) !== from) to.add(moduleOf(resolved))
  }
  return imports
}

const reaches = (imports: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean =>
  [...(imports.get(from) ?? [])].some((next) => next === to || reaches(imports, next, to))

const render = (imports: ReadonlyMap<string, ReadonlySet<string>>): string => {
  const names = [...imports.keys()].toSorted(byName)
  const arrows = names.flatMap((from) =>
    [...(imports.get(from) ?? [])]
      .filter((to) => ![...(imports.get(from) ?? [])].some((next) => next !== to && reaches(imports, next, to)))
      .toSorted(byName)
      .map((to) => `  ${from} --> ${to}`)
  )
  const rows = names.map((name) => `| ${name} | ${[...(imports.get(name) ?? [])].toSorted(byName).join(", ")} |`)
  return [
    "```mermaid",
    "graph TD",
    ...arrows,
    "```",
    "",
    "An arrow is left out where a longer path leads to the same module. All of them:",
    "",
    "| module | imports |",
    "| --- | --- |",
    ...rows
  ].join("\n")
}

/** The page, with the graph as the sources are now. */
export const renderArchitecture = (): string => {
  const output = execFileSync(process.execPath, [...cruiser, "src", "--output-type", "json"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024
  })
  const text = existsSync(page) ? readFileSync(page, "utf8") : `${BEGIN}\n${END}\n`
  const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length)
  const after = text.slice(text.indexOf(END))
  return `${before}\n\n${render(importsOf(JSON.parse(output)))}\n\n${after}`
}

if (import.meta.main) writeFileSync(page, renderArchitecture())
