/** The machine and the package versions of a run. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { arch, cpus, platform } from "node:os"
import { dirname, join } from "node:path"

const { resolve } = createRequire(import.meta.url)

/** The version of an installed package, whether or not it exports its package.json. */
const versionOf = (name: string): string => {
  let directory = dirname(resolve(name))
  while (!directory.endsWith(name)) directory = dirname(directory)
  const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { readonly version: string }
  return version
}

export const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, platform: `${platform()} ${arch()}` }

export const versions = (postgres: string): Readonly<Record<string, string>> => ({
  Node: process.versions.node,
  PostgreSQL: postgres,
  ...Object.fromEntries(["effect", "@effect/sql-pg", "pg", "postgres"].map((name) => [name, versionOf(name)]))
})
