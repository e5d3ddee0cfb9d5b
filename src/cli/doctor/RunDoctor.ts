/** `doctor`: examines, prints what was found as it is found, and ends with the code that says how it went. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { Report } from "../../services/doctor/Doctor.ts"
import { type CheckId, checkIdOf, checkIds } from "../../services/doctor/checks/Checks.ts"
import { isNameServer } from "../../services/doctor/network/NameResolver.ts"
import type { DoctorFlags } from "./DoctorCommand.ts"
import { EXIT_FAILURE, EXIT_INVALID } from "../ExitCode.ts"
import { safeJson } from "../terminal/PlainText.ts"
import { checkListJson, checkListLines } from "./CheckList.ts"
import { paintFor } from "./Colour.ts"
import type { Examine } from "./Examine.ts"
import { makeProgress } from "./Progress.ts"
import { closingLines, headerLine, resultLines } from "./Table.ts"

/** Width of what is not a terminal: the same everywhere, so that two outputs can be compared. */
const PIPE_COLUMNS = 80

/** The examination found something; it was all said. */
class NotHealthy extends Data.TaggedError("NotHealthy")<{ readonly exitCode: number }> {
  override readonly [Runtime.errorReported] = false
  override get [Runtime.errorExitCode](): number {
    return this.exitCode
  }
}

/** The flags contradict each other or name something unknown. */
class WrongUsage extends Data.TaggedError("WrongUsage")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = EXIT_INVALID
}

const print = (lines: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.sync(() => {
    process.stdout.write(`${lines.join("\n")}\n`)
  })

const columns = (): number => (process.stdout.isTTY ? process.stdout.columns : PIPE_COLUMNS)

const wantedChecks = (only: Option.Option<string>): Effect.Effect<ReadonlyArray<CheckId> | undefined, WrongUsage> => {
  if (Option.isNone(only)) return Effect.succeed(undefined)
  const names = only.value.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]))
  const unknown = names.filter((name) => checkIdOf(name) === undefined)
  if (unknown.length > 0 || names.length === 0) {
    const what = unknown.length === 0 ? "--only names no check" : `--only: there is no check ${unknown.join(", ")}`
    return Effect.fail(new WrongUsage({ message: `${what}. The checks are ${checkIds.join(", ")}.` }))
  }
  return Effect.succeed(names.flatMap((name) => checkIdOf(name) ?? []))
}

const exitCodeOf = ({ verdict }: Report, strict: boolean): number => {
  if (verdict.status === "invalid") return EXIT_INVALID
  return verdict.status === "failed" || (strict && verdict.status === "warnings") ? EXIT_FAILURE : 0
}

interface Options {
  readonly only: ReadonlyArray<CheckId> | undefined
  readonly timeout: Duration.Duration | undefined
  readonly probeCapacity: boolean
}

/** What examines is loaded behind the first line of output. */
const load = (flags: DoctorFlags): Effect.Effect<Examine> =>
  Effect.map(
    Effect.promise(() => import("./Examine.ts")),
    ({ examineWith }) => examineWith(flags)
  )

/** Prints the table row by row, and the rest at the end. */
const examineInTable = Effect.fnUntraced(function* (flags: DoctorFlags, options: Options) {
  const paint = paintFor(process.stdout.isTTY, process.env["NO_COLOR"])
  const width = columns()
  const progress = yield* makeProgress(process.stderr.isTTY ? (text) => process.stderr.write(text) : undefined)
  yield* print([headerLine(width)])
  const examine = yield* load(flags)
  let printed = 0
  const report = yield* examine({
    ...options,
    onStart: progress.show,
    onResult: (result) =>
      Effect.andThen(
        progress.hide,
        Effect.suspend(() => {
          printed++
          return print(resultLines(result, width, paint))
        })
      )
  })
  yield* progress.hide
  const rest = report.results.slice(printed).flatMap((result) => resultLines(result, width, paint))
  yield* print([...rest, ...closingLines(report, width, paint)])
  return report
}, Effect.scoped)

const examineInJson = Effect.fnUntraced(function* (
  flags: DoctorFlags,
  options: Options,
  toText: (report: Report) => string
) {
  const progress = yield* makeProgress(process.stderr.isTTY ? (text) => process.stderr.write(text) : undefined)
  const examine = yield* load(flags)
  const report = yield* examine({ ...options, onStart: progress.show, onResult: () => progress.hide })
  yield* progress.hide
  yield* print([toText(report)])
  return report
}, Effect.scoped)

/** A report on one line; what a terminal would obey stays escaped. */
const onOneLine = (report: Report): string =>
  safeJson(report)
    .split("\n")
    .map((line) => line.trimStart())
    .join("")

const keepWatch = (flags: DoctorFlags, options: Options, every: Duration.Duration): Effect.Effect<never> =>
  Effect.forever(Effect.andThen(examineInJson(flags, options, onOneLine), Effect.sleep(every)))

const listChecks = ({ json, jsonLines }: DoctorFlags): Effect.Effect<void> =>
  print(json || jsonLines ? [safeJson(checkListJson())] : checkListLines(columns()))

/**
 * The command. Succeeds when all is well or, without `--strict`, only warnings were found. Fails with `NotHealthy` (1,
 * or 2 when the settings cannot be used) or `WrongUsage` (2). With `--every` it goes on until it is interrupted.
 */
export const runDoctor = Effect.fn("doctor")(function* (flags: DoctorFlags) {
  const { every, json, jsonLines } = flags
  if (json && jsonLines) return yield* new WrongUsage({ message: "Give --json or --json-lines, not both." })
  if (Option.isSome(every) && !jsonLines) return yield* new WrongUsage({ message: "--every goes with --json-lines." })
  if (Option.isSome(flags.nameServer) && !isNameServer(flags.nameServer.value)) {
    return yield* new WrongUsage({ message: "--name-server takes an address such as 1.1.1.1 or 127.0.0.1:5353." })
  }
  if (flags.listChecks) return yield* listChecks(flags)
  const options: Options = {
    only: yield* wantedChecks(flags.only),
    timeout: Option.getOrUndefined(flags.timeout),
    probeCapacity: flags.probeCapacity
  }
  if (Option.isSome(every)) return yield* keepWatch(flags, options, every.value)
  const once =
    json || jsonLines ? examineInJson(flags, options, json ? safeJson : onOneLine) : examineInTable(flags, options)
  const exitCode = exitCodeOf(yield* once, flags.strict)
  if (exitCode !== 0) return yield* new NotHealthy({ exitCode })
})
