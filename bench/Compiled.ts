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
const throughDoors = (isBundled: boolean): Plugin => ({
  name: "through-doors",
  resolveId: (specifier, importer) => {
    const file = importer === undefined ? "" : resolve(dirname(importer), specifier)
    if (!file.startsWith(sources)) return null
    const door = relative(sources, file).replace(/\.ts$/, "")
    if (isBundled) return join(installed, "dist", `${door}.js`)
    return { id: `effect-supavisor/${door}`, external: true }
  }
})

/** Where the compiled programs lie. */
export interface Compiled {
  /** One file each, with their packages in node_modules. */
  readonly programs: string
  /** One file each, with what they need of their packages in it, as a bundler makes it for a deployment. */
  readonly bundled: string
}

const compile = async (): Promise<Compiled> => {
  await install(installed)
  const [programs, bundled] = [join(directory, "programs"), join(directory, "bundled")]
  const platform = "node"
  await build({
    input: globSync(join(root, "bench", "programs", "*.ts")),
    external: /^[^./]/,
    platform,
    plugins: [throughDoors(false)],
    output: { dir: programs, cleanDir: true }
  })
  for (const name of ["Ours", "PgClientBarrel"]) {
    await build({
      input: join(root, "bench", "programs", `${name}.ts`),
      platform,
      plugins: [throughDoors(true)],
      output: { file: join(bundled, `${name}.js`), minify: true }
    })
  }
  return { programs, bundled }
}

let compiled: Promise<Compiled> | undefined

/** The compiled programs; compiles them when they are first asked for. */
export const compiledPrograms = (): Promise<Compiled> => (compiled ??= compile())
