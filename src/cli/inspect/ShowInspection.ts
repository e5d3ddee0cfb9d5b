/** Runs one check and prints its result. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { checks } from "../../services/inspect/checks/Checks.ts"
import { type CheckId, Inspector } from "../../services/inspect/Inspector.ts"
import { safeJson } from "../terminal/PlainText.ts"
import { settingsFrom } from "../flags/DatabaseSettings.ts"
import { inspectionLines } from "./InspectionText.ts"
import { print } from "./Print.ts"
import { terminalWidth } from "../terminal/TerminalWidth.ts"

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

/** The inspector of the database of the flags or the environment. */
export const inspectorOf = (flags: InspectFlags) => Inspector.layer.pipe(Layer.provide(settingsFrom(flags.url)))

/** `inspect <check>`: fails as the inspector does, or with `AlreadyPrinted` when the check failed. */
export const showInspection = (id: CheckId, flags: InspectFlags) =>
  Effect.gen(function* () {
    const inspector = yield* Inspector
    const [found] = yield* inspector.inspect([id], {
      limit: Option.getOrUndefined(flags.limit),
      timeout: Option.getOrUndefined(flags.timeout),
      longerThan: Option.getOrUndefined(flags.longerThan),
      poolerSize: Option.getOrUndefined(flags.poolerSize)
    })
    const check = checks.find((check) => check.id === id)
    if (found === undefined || check === undefined) return yield* Effect.die(new Error(`There is no check ${id}`))
    const lines = flags.json ? [safeJson(found)] : inspectionLines(found, check.columns, yield* terminalWidth)
    yield* print(lines.join("\n"))
    if (found.status === "failed") return yield* new AlreadyPrinted()
  }).pipe(Effect.provide(inspectorOf(flags)))
