/** Messages for wrong usage: one line for each error, with a suggestion. */
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import type { HelpDoc } from "effect/cli/HelpDoc"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

const PROGRAM = "effect-supavisor"

const suggestion = (suggestions: ReadonlyArray<string>): string =>
  suggestions.length === 0 ? "" : ` Did you mean ${suggestions.join(" or ")}?`

const lineOf = (error: CliError.NonShowHelpErrors): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `There is no flag ${error.option}.${suggestion(error.suggestions)}`
    case "UnknownSubcommand":
      return `There is no command "${error.subcommand}".${suggestion(error.suggestions)}`
    case "UserError":
      return error.message
    default:
      return /[.?!]$/.test(error.message) ? error.message : `${error.message}.`
  }
}

/** A word after an unknown flag is probably its value, and may be a secret: only the flag is printed. */
const usageLines = (
  errors: ReadonlyArray<CliError.NonShowHelpErrors>,
  commandPath: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const unknownFlags = errors.filter(({ _tag }) => _tag === "UnrecognizedOption")
  const shown = unknownFlags.length > 0 ? unknownFlags : errors
  return [...new Set(shown.map(lineOf)), `Help: ${[PROGRAM, ...commandPath.slice(1)].join(" ")} --help`]
}

/** A help page. Global flags are listed on the first page only; an empty line precedes the examples. */
const helpPage = (doc: HelpDoc, colors: boolean): string =>
  CliOutput.defaultFormatter({ colors, globalFlags: "summary" })
    .formatHelpDoc(doc)
    .replace(/(\S[^\n]*\n)([^\n\w]*(?:\[1m)?EXAMPLES)/, "$1\n$2")

const present = Effect.fnUntraced(function* (event: CliOutput.Presenter.Event) {
  if (event._tag === "Help") {
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    return yield* Console.log(helpPage(event.helpDoc, canColor))
  }
  if (event._tag === "Version") return yield* CliOutput.defaultPresenter.present(event)
  const { redact } = yield* Effect.promise(() => import("../services/config/ConnectionString.ts"))
  const { plainText } = yield* Effect.promise(() => import("./terminal/PlainText.ts"))
  // a misplaced connection string contains a password
  const lines = usageLines(event.errors, event.commandPath).map((line) => plainText(redact(line, [])))
  yield* Console.error(lines.join("\n"))
})

/** Prints help to stdout, and wrong usage to stderr without the help page. */
export const layer: Layer.Layer<never> = CliOutput.layerPresenter({ present })
