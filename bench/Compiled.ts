/** Compiles the programs of the `start` workload, and installs this package beside them as npm would. */
import { globSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { build, type Plugin } from "rolldown"
import { entryPoints } from "../rolldown.config.ts"
import { install } from "./Installed.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Inside node_modules, so that the programs find the other packages. */
const directory = join(root, "node_modules", ".cache", "effect-supavisor-bench")

/** Where the programs resolve this package by name. */
const installed = join(directory, "node_modules", "effect-supavisor")

/** A program imports a source file, for the type checker. The compiled program imports the package's entry point. */
const importThroughExports = (isBundled: boolean): Plugin => ({
  name: "import-through-exports",
  resolveId: (specifier, importer) => {
    const file = importer === undefined ? "" : resolve(dirname(importer), specifier)
    const [name] = Object.entries(entryPoints).find(([, source]) => join(root, source) === file) ?? []
    if (name === undefined) return null
    if (isBundled) return join(installed, "dist", `${name}.js`)
    return { id: `effect-supavisor/${name}`, external: true }
  }
})

/** Directories of the compiled programs. */
export interface Compiled {
  /** One file each, with their packages in node_modules. */
  readonly programs: string
  /** One file each with the packages bundled into it, as for a deployment. */
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
    plugins: [importThroughExports(false)],
    output: { dir: programs, cleanDir: true }
  })
  for (const name of ["Ours", "PgClientBarrel"]) {
    await build({
      input: join(root, "bench", "programs", `${name}.ts`),
      platform,
      plugins: [importThroughExports(true)],
      output: { file: join(bundled, `${name}.js`), minify: true }
    })
  }
  return { programs, bundled }
}

let compiled: Promise<Compiled> | undefined

/** The compiled programs; the first call compiles them. */
export const compiledPrograms = (): Promise<Compiled> => (compiled ??= compile())
