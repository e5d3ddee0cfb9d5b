/** The programs and what they import of `src/`, as JavaScript: a user's process does not compile its packages. */
import { execFile } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("..", import.meta.url))

const programs = join("bench", "programs")

/** Beneath node_modules, where the packages are found and nobody looks for sources. */
const directory = join(root, "node_modules", ".cache", "effect-supavisor-bench")

/** A compilation takes a second or two. */
const PATIENCE_MILLIS = 60_000

const compile = async (): Promise<string> => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }))
  const config = join(directory, "tsconfig.json")
  const compilerOptions = { noEmit: false, noCheck: true, rootDir: root, outDir: directory, plugins: [] }
  const include = [join(root, programs)]
  writeFileSync(config, JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include }))
  const tsc = join(root, "node_modules", ".bin", "tsc")
  await promisify(execFile)(tsc, ["-p", config], { timeout: PATIENCE_MILLIS })
  return join(directory, programs)
}

let compiled: Promise<string> | undefined

/** The directory of the compiled programs; compiles them when it is first asked. */
export const compiledPrograms = (): Promise<string> => (compiled ??= compile())
