/** Computes the pool size, after measuring the load with `--observe`, and prints it. */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import type { AgentSize, Tier } from "../../services/config/PoolSizing.ts"
import { given, wordMillis } from "../../services/errors/Wording.ts"
import { sizeReportOf, type SizeReport } from "../../services/inspect/sizing/SizeReport.ts"
import { EXIT_INVALID } from "../ExitCode.ts"
import { wrap, terminalWidth } from "../terminal/PlainText.ts"

const STEP = "  - "

const item = (text: string, width: number | undefined): ReadonlyArray<string> =>
  wrap(text, width === undefined ? undefined : width - STEP.length).map(
    (line, at) => (at === 0 ? STEP : " ".repeat(STEP.length)) + line
  )

const part = (title: string, texts: ReadonlyArray<string>, width: number | undefined): ReadonlyArray<string> =>
  texts.length === 0 ? [] : ["", title, ...texts.flatMap((text) => item(text, width))]

/** The lines, at most `width` wide if given. */
const sizeLines = (report: SizeReport, width: number | undefined): ReadonlyArray<string> => {
  const { environment, max, min, processes, reasoning, total, warnings } = report
  const each = processes === 1 ? "" : ` in each of ${processes} processes, ${total} in total`
  return [
    `A pool of ${min === max ? max : `${min} to ${max}`} sessions${each}.`,
    ...part("Reasons:", reasoning, width),
    ...part("Warnings:", warnings, width),
    "",
    "Variables:",
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  ]
}

export interface SizeFlags {
  readonly agent: Option.Option<AgentSize>
  readonly operations: Option.Option<number>
  readonly observe: Option.Option<Duration.Duration>
  readonly processes: number
  readonly tier: Option.Option<Tier>
  readonly poolerSize: Option.Option<number>
  readonly url: Option.Option<Redacted.Redacted<string>>
  readonly json: boolean
}

/** The flags contradict each other; the program exits with 2. */
class WrongFlags extends Data.TaggedError("WrongFlags")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = EXIT_INVALID
}

const wrongFlags = ({ agent, observe, operations, url }: SizeFlags): string | undefined => {
  const loads = given([
    Option.isSome(agent) && "--agent",
    Option.isSome(operations) && "--operations",
    Option.isSome(observe) && "--observe"
  ])
  if (loads.length > 1) return `${loads.join(" and ")} each set the load: use only one of them.`
  return Option.isSome(url) && Option.isNone(observe)
    ? "--url needs --observe: without it no database is used. Add --observe 60s, or remove --url."
    : undefined
}

/** Imports the observer only for `--observe`: nothing else opens a session. */
const observe = Effect.fnUntraced(function* (window: Duration.Duration, flags: SizeFlags) {
  const [{ LoadObserver }, { settingsFrom }] = yield* Effect.promise(() =>
    Promise.all([import("../../services/inspect/LoadObserver.ts"), import("../flags/DatabaseSettings.ts")])
  )
  yield* Console.error(`Measuring for ${wordMillis(Duration.toMillis(window))} ...`)
  return yield* Effect.flatMap(LoadObserver, (observer) => observer.observe(window)).pipe(
    Effect.provide(LoadObserver.layer.pipe(Layer.provide(settingsFrom(flags.url))))
  )
})

/** `size`: fails with `WrongFlags` (code 2), and with `--observe` as the observer does. */
export const showSize = Effect.fn("size")(function* (flags: SizeFlags) {
  const wrong = wrongFlags(flags)
  if (wrong !== undefined) return yield* new WrongFlags({ message: wrong })
  const observed = Option.isSome(flags.observe) ? yield* observe(flags.observe.value, flags) : undefined
  const report = sizeReportOf({
    agent: Option.getOrUndefined(flags.agent),
    operations: Option.getOrUndefined(flags.operations),
    observed,
    processes: flags.processes,
    tier: Option.getOrUndefined(flags.tier),
    poolerSize: Option.getOrUndefined(flags.poolerSize)
  })
  const text = flags.json ? JSON.stringify(report, undefined, 2) : sizeLines(report, yield* terminalWidth).join("\n")
  yield* Console.log(text)
})
