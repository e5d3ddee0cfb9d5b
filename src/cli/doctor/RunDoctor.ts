/** Runs `doctor`: prints the results as they arrive and sets the exit code. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { SessionConfig } from "../../services/config/SessionConfig.ts"
import { type CheckId, checkIdOf, checkIds, checks } from "../../services/doctor/checks/CheckDefinitions.ts"
import { Doctor, type DoctorOptions, type DoctorReport, reportInvalid } from "../../services/doctor/Doctor.ts"
import { isNameServer } from "../../services/doctor/network/NameResolver.ts"
import { NameResolver, resolverAt } from "../../services/doctor/NetworkCheck.ts"
import type { SessionError } from "../../services/errors/SessionError.ts"
import { EXIT_FAILURE, EXIT_INVALID } from "../ExitCode.ts"
import { settingsWithUrl } from "../flags/DatabaseSettings.ts"
import { safeJson, wrap } from "../terminal/PlainText.ts"
import type { DoctorFlags } from "./DoctorFlags.ts"
import { makeProgress, type Progress } from "./Progress.ts"
import { closingLines, headerLine, paintFor, resultLines } from "./DoctorTable.ts"

/** The settings to check: the environment's, or with the connection string of the command line. */
const settingsOf = (url: DoctorFlags["url"]): Layer.Layer<SessionConfig, SessionError> =>
  Option.match(url, {
    onNone: () => SessionConfig.layerEnv,
    onSome: (given) =>
      settingsWithUrl(given, "connection-string", (configured) =>
        // `embedded` has no connection string, so it cannot apply here.
        configured?.value?.trim() === "embedded" ? undefined : configured
      )
  })

/** Runs the checks once, with settings that are read anew; invalid settings give a report too. */
export const runWith =
  ({ nameServer, url }: Pick<DoctorFlags, "nameServer" | "url">) =>
  (options: DoctorOptions): Effect.Effect<DoctorReport> =>
    Effect.flatMap(Doctor, (doctor) => doctor.run(options)).pipe(
      Effect.provide(Doctor.layer.pipe(Layer.provide(settingsOf(url)))),
      Effect.catchTag("SessionError", reportInvalid),
      Effect.provide(
        Option.match(nameServer, {
          onNone: () => Layer.empty,
          onSome: (server) => Layer.succeed(NameResolver, resolverAt([server]))
        })
      )
    )

const INDENT = " ".repeat(10)

/** `--list-checks`: the checks in the order they run. */
export const checkListLines = (columns: number): ReadonlyArray<string> =>
  checkIds.flatMap((id) => {
    const { does, needs } = checks[id]
    const needed = needs.length === 0 ? "" : ` Needs: ${needs.join(", ")}.`
    return wrap(`${does}${needed}`, columns - INDENT.length).map(
      (line, at) => `${at === 0 ? id.padEnd(INDENT.length) : INDENT}${line}`
    )
  })

/** Width of output that does not go to a terminal. */
const PIPE_COLUMNS = 80

/** A check failed; the report is printed already. */
class UnhealthyConnection extends Data.TaggedError("UnhealthyConnection")<{ readonly exitCode: number }> {
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

/** Runs the checks once and prints the report. */
type PrintReport = (flags: DoctorFlags, options: DoctorOptions, progress: Progress) => Effect.Effect<DoctorReport>

/** Prints each result as it arrives, then the actions and the verdict. */
const printTable: PrintReport = Effect.fnUntraced(function* (flags, options, progress) {
  const paint = paintFor(process.stdout.isTTY, process.env["NO_COLOR"])
  const width = columns()
  yield* print([headerLine(width)])
  let printed = 0
  const report = yield* runWith(flags)({
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
  const rest = report.results.slice(printed)
  yield* print([...rest.flatMap((result) => resultLines(result, width, paint)), ...closingLines(report, width, paint)])
  return report
})

const printJson = (toText: (report: DoctorReport) => string): PrintReport =>
  Effect.fnUntraced(function* (flags, options, progress) {
    const report = yield* runWith(flags)({ ...options, onStart: progress.show, onResult: () => progress.hide })
    yield* progress.hide
    yield* print([toText(report)])
    return report
  })

/** A report on one line; control characters stay escaped. */
const onOneLine = (report: DoctorReport): string => safeJson(report).replaceAll(/\n */g, "")

/**
 * The command. Fails with `UnhealthyConnection` when a check failed (code 1), the settings are invalid (code 2) or, with
 * `--strict`, a check warned (code 1); fails with `WrongUsage` for wrong flags (code 2). With `--every` it repeats until
 * it is interrupted.
 */
export const runDoctor = Effect.fn("doctor")(function* (flags: DoctorFlags) {
  const { every, json, jsonLines } = flags
  if (json && jsonLines) return yield* new WrongUsage({ message: "Give --json or --json-lines, not both." })
  if (Option.isSome(every) && !jsonLines) return yield* new WrongUsage({ message: "--every goes with --json-lines." })
  if (Option.isSome(flags.nameServer) && !isNameServer(flags.nameServer.value)) {
    return yield* new WrongUsage({ message: "--name-server takes an address such as 1.1.1.1 or 127.0.0.1:5353." })
  }
  if (flags.listChecks) {
    return yield* json || jsonLines
      ? print([safeJson(checkIds.map((id) => Object.assign({ id }, checks[id])))])
      : print(checkListLines(columns()))
  }
  const options: DoctorOptions = {
    only: yield* parseOnly(flags.only),
    timeout: Option.getOrUndefined(flags.timeout),
    probeCapacity: flags.probeCapacity
  }
  const printReport = json ? printJson(safeJson) : jsonLines ? printJson(onOneLine) : printTable
  const writeProgress = process.stderr.isTTY ? (text: string) => process.stderr.write(text) : undefined
  const once = Effect.scoped(
    Effect.flatMap(makeProgress(writeProgress), (progress) => printReport(flags, options, progress))
  )
  if (Option.isSome(every)) return yield* Effect.forever(Effect.andThen(once, Effect.sleep(every.value)))
  const exitCode = exitCodeOf(yield* once, flags.strict)
  if (exitCode !== 0) return yield* new UnhealthyConnection({ exitCode })
})
