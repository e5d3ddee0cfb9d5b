/** The programs as JavaScript, and this package as npm would install it beside them: what a user's process starts. */
import { globSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { build, type Plugin } from "rolldown"
import { install } from "./Installed.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

const sources = join(root, "src")

/** Beneath node_modules, where the other packages are found and nobody looks for sources. */
const directory = join(root, "node_modules", ".cache", "effect-supavisor-bench")

/** Where the programs find this package by its name. */
const installed = join(directory, "node_modules", "effect-supavisor")

/** A program imports a source, which the type checker knows; once compiled it goes through the package's door to it. */
const throughDoors: Plugin = {
  name: "through-doors",
  resolveId: (specifier, importer) => {
    const file = importer === undefined ? "" : resolve(dirname(importer), specifier)
    if (!file.startsWith(sources)) return null
    return { id: `effect-supavisor/${relative(sources, file).replace(/\.ts$/, "")}`, external: true }
  }
}

const compile = async (): Promise<string> => {
  await install(installed)
  const programs = join(directory, "programs")
  await build({
    input: globSync(join(root, "bench", "programs", "*.ts")),
    external: /^[^./]/,
    platform: "node",
    plugins: [throughDoors],
    output: { dir: programs, cleanDir: true }
  })
  return programs
}

let compiled: Promise<string> | undefined

/** The directory of the compiled programs; compiles them when it is first asked. */
export const compiledPrograms = (): Promise<string> => (compiled ??= compile())
