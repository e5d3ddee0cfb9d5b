/** `doctor`: examines, prints what was found as it is found, and ends with the code that says how it went. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { type DoctorReport, Doctor, type DoctorOptions, reportInvalid } from "../../services/doctor/Doctor.ts"
import { type CheckId, checkIdOf, checkIds, checks } from "../../services/doctor/checks/Checks.ts"
import { isNameServer } from "../../services/doctor/network/NameResolver.ts"
import type { DoctorFlags } from "./DoctorFlags.ts"
import { EXIT_FAILURE, EXIT_INVALID } from "../ExitCode.ts"
import { safeJson } from "../terminal/PlainText.ts"
import { paintFor } from "./Colour.ts"
import { makeProgress } from "./Progress.ts"
import { closingLines, headerLine, resultLines } from "./Table.ts"
import { wrap } from "../terminal/Wrap.ts"
import * as Layer from "effect/Layer"
import { NameResolver, resolverAt } from "../../services/doctor/NetworkCheck.ts"
import { doctorSettings } from "./DoctorSettings.ts"

/** Examines once. Settings are read each time: who waits for a correction sees it. */
export type RunOnce = (options: DoctorOptions) => Effect.Effect<DoctorReport>

/** The examination that the flags ask for. */
export const runWith =
  ({ nameServer, url }: Pick<DoctorFlags, "nameServer" | "url">): RunOnce =>
  (options) =>
    Effect.flatMap(Doctor, (doctor) => doctor.run(options)).pipe(
      Effect.provide(Doctor.layer.pipe(Layer.provide(doctorSettings(url)))),
      Effect.catchTag("SessionError", reportInvalid),
      Effect.provide(
        Option.match(nameServer, {
          onNone: () => Layer.empty,
          onSome: (server) => Layer.succeed(NameResolver, resolverAt([server]))
        })
      )
    )

/** `--list-checks`: what each check does and depends on. */
const INDENT = " ".repeat(10)

const linesOf = (id: CheckId, columns: number): ReadonlyArray<string> => {
  const { does, needs } = checks[id]
  const after = needs.length === 0 ? "" : ` After: ${needs.join(", ")}.`
  return wrap(`${does}${after}`, columns - INDENT.length).map(
    (line, at) => `${at === 0 ? id.padEnd(INDENT.length) : INDENT}${line}`
  )
}

/** The checks in the order they run. */
export const checkListLines = (columns: number): ReadonlyArray<string> => checkIds.flatMap((id) => linesOf(id, columns))

/** The same for a program. */
export const checkListJson = (): ReadonlyArray<object> => checkIds.map((id) => Object.assign({ id }, checks[id]))

/** Width of what is not a terminal: the same everywhere, so that two outputs can be compared. */
const PIPE_COLUMNS = 80

/** The examination found something; it was all said. */
class UnhealthyConnection extends Data.TaggedError("NotHealthy")<{ readonly exitCode: number }> {
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

const parseOnly = (only: Option.Option<string>): Effect.Effect<ReadonlyArray<CheckId> | undefined, WrongUsage> => {
  if (Option.isNone(only)) return Effect.succeed(undefined)
  const names = only.value.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]))
  const unknown = names.filter((name) => checkIdOf(name) === undefined)
  if (unknown.length > 0 || names.length === 0) {
    const what = unknown.length === 0 ? "--only names no check" : `--only: there is no check ${unknown.join(", ")}`
    return Effect.fail(new WrongUsage({ message: `${what}. The checks are ${checkIds.join(", ")}.` }))
  }
  return Effect.succeed(names.flatMap((name) => checkIdOf(name) ?? []))
}

const exitCodeOf = ({ verdict }: DoctorReport, strict: boolean): number => {
  if (verdict.status === "invalid") return EXIT_INVALID
  return verdict.status === "failed" || (strict && verdict.status === "warnings") ? EXIT_FAILURE : 0
}

interface Options {
  readonly only: ReadonlyArray<CheckId> | undefined
  readonly timeout: Duration.Duration | undefined
  readonly probeCapacity: boolean
}

/** Prints the table row by row, and the rest at the end. */
const printTable = Effect.fnUntraced(function* (flags: DoctorFlags, options: Options) {
  const paint = paintFor(process.stdout.isTTY, process.env["NO_COLOR"])
  const width = columns()
  const progress = yield* makeProgress(process.stderr.isTTY ? (text) => process.stderr.write(text) : undefined)
  yield* print([headerLine(width)])
  const examine = runWith(flags)
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

const printJson = Effect.fnUntraced(function* (
  flags: DoctorFlags,
  options: Options,
  toText: (report: DoctorReport) => string
) {
  const progress = yield* makeProgress(process.stderr.isTTY ? (text) => process.stderr.write(text) : undefined)
  const examine = runWith(flags)
  const report = yield* examine({ ...options, onStart: progress.show, onResult: () => progress.hide })
  yield* progress.hide
  yield* print([toText(report)])
  return report
}, Effect.scoped)

/** A report on one line; what a terminal would obey stays escaped. */
const onOneLine = (report: DoctorReport): string =>
  safeJson(report)
    .split("\n")
    .map((line) => line.trimStart())
    .join("")

const repeatEvery = (flags: DoctorFlags, options: Options, every: Duration.Duration): Effect.Effect<never> =>
  Effect.forever(Effect.andThen(printJson(flags, options, onOneLine), Effect.sleep(every)))

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
    only: yield* parseOnly(flags.only),
    timeout: Option.getOrUndefined(flags.timeout),
    probeCapacity: flags.probeCapacity
  }
  if (Option.isSome(every)) return yield* repeatEvery(flags, options, every.value)
  const once = json || jsonLines ? printJson(flags, options, json ? safeJson : onOneLine) : printTable(flags, options)
  const exitCode = exitCodeOf(yield* once, flags.strict)
  if (exitCode !== 0) return yield* new UnhealthyConnection({ exitCode })
})
