/** Runs one check and prints its result. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { checks } from "../../services/inspect/checks/AllChecks.ts"
import { type CheckId, Inspector, type Inspection } from "../../services/inspect/Inspector.ts"
import { safeJson, wrap, terminalWidth } from "../terminal/PlainText.ts"
import { settingsFrom } from "../flags/DatabaseSettings.ts"
import type { Columns } from "../../services/inspect/checks/Column.ts"
import { tableOf } from "../terminal/Table.ts"
import { cellText, tableColumns } from "./Cells.ts"
import * as Console from "effect/Console"

/** Completes when everything so far is written, or the reader has closed the pipe. */
const flushed: Effect.Effect<void> = Effect.callback<void>((resume) => {
  process.stdout.write("", () => resume(Effect.void))
})

/**
 * Prints to stdout and waits, without a time limit, for a slow reader such as a pager. When the program fails afterwards,
 * it exits at once, and text that the pipe has not taken (above 64 KiB on Linux) would be lost.
 */
export const print = (text: string): Effect.Effect<void> => Effect.andThen(Console.log(text), flushed)

/** The server of an inspection. */
export const describeServer = ({ server: { database, host, port, role, version } }: Inspection): string =>
  `${database} at ${host}:${port} as ${role}, PostgreSQL ${version}`

/** The lines, at most `width` wide if given, except the next steps, whose commands are to be copied. */
const inspectionLines = (found: Inspection, columns: Columns, width: number | undefined): ReadonlyArray<string> => {
  const table = tableOf(
    tableColumns(columns),
    found.rows.map((row) => Object.entries(columns).map(([name, { kind }]) => cellText(row[name] ?? null, kind))),
    width
  )
  const lines = (text: string) => wrap(text, width)
  const failed = found.rules.filter(({ outcome }) => outcome === "fail")
  return [
    ...lines(`${found.title}.`),
    ...lines(`${describeServer(found)}, ${found.tookMillis} ms`),
    "",
    ...(found.reason === null ? [] : lines(found.reason)),
    ...(found.rows.length > 0 ? table.lines : []),
    ...(found.empty === null ? [] : lines(found.empty)),
    ...(found.isTruncated
      ? lines(`There are more rows: raise the limit, for instance with --limit ${found.rows.length * 2}.`)
      : []),
    ...(table.missing.length > 0 && found.rows.length > 0
      ? lines(`Omitted columns: ${table.missing.join(", ")}. A wider terminal, a pipe or --json shows them.`)
      : []),
    ...(found.unseen.length > 0 ? ["", ...found.unseen.flatMap(lines)] : []),
    ...(failed.length > 0
      ? ["", ...failed.flatMap(({ detail, text }) => lines(`Failed rule: ${text}. ${detail}`))]
      : []),
    ...(found.nextSteps.length > 0 ? ["", "Next steps:", ...found.nextSteps.map((step) => `  - ${step}`)] : [])
  ]
}

/** The flags of `inspect`. */
export interface InspectFlags {
  readonly url: Option.Option<Redacted.Redacted<string>>
  readonly json: boolean
  readonly limit: Option.Option<number>
  readonly timeout: Option.Option<Duration.Duration>
  readonly longerThan: Option.Option<Duration.Duration>
  readonly poolerSize: Option.Option<number>
}

/** The failure is printed already; the program exits with 1. */
export class AlreadyPrinted extends Data.TaggedError("AlreadyPrinted") {
  override readonly [Runtime.errorReported] = false
}

/** Runs checks on the database of the flags or the environment. */
export const inspect = (ids: ReadonlyArray<CheckId>, flags: InspectFlags, limit?: number) =>
  Effect.flatMap(Inspector, (inspector) =>
    inspector.inspect(ids, {
      limit: Option.getOrElse(flags.limit, () => limit),
      timeout: Option.getOrUndefined(flags.timeout),
      longerThan: Option.getOrUndefined(flags.longerThan),
      poolerSize: Option.getOrUndefined(flags.poolerSize)
    })
  ).pipe(Effect.provide(Inspector.layer.pipe(Layer.provide(settingsFrom(flags.url)))))

/** `inspect <check>`: fails as the inspector does, or with `AlreadyPrinted` when the check failed. */
export const showInspection = Effect.fnUntraced(function* (id: CheckId, flags: InspectFlags) {
  const [found] = yield* inspect([id], flags)
  const check = checks.find((check) => check.id === id)
  if (found === undefined || check === undefined) return yield* Effect.die(new Error(`There is no check ${id}`))
  const lines = flags.json ? [safeJson(found)] : inspectionLines(found, check.columns, yield* terminalWidth)
  yield* print(lines.join("\n"))
  if (found.status === "failed") return yield* new AlreadyPrinted()
})
