/** `npm run bench`: compares this layer with the clients a user would pick, side by side. `--help` lists the options. */
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { server } from "./Database.ts"
import { type Options, optionsOf, usage } from "./Options.ts"
import type { Result } from "./Result.ts"
import { run } from "./Run.ts"
import { textTable } from "./TextTable.ts"

const args = process.argv.slice(2)

const command = ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" ")

const heading = ({ machine, route, versions }: Result): string =>
  [
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}; ${route}`,
    ""
  ].join("\n")

/** Writes the result so far: an interrupted run keeps its tables, and a path that is not writable fails at once. */
const write = (result: Result, file: string | undefined): void => {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`)
}

const compare = (options: Options): Promise<unknown> =>
  Effect.runPromise(
    run(options, command, {
      began: (result) => {
        write(result, options.json)
        console.log(heading(result))
      },
      finished: (table, result) => {
        write(result, options.json)
        console.log(textTable(table))
      }
    }).pipe(Effect.scoped, Effect.provide(server))
  )

try {
  const options = optionsOf(args)
  if (options === undefined) console.log(usage)
  else await compare(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
