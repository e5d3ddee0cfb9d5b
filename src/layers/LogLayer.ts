/** Log lines on stderr: text, or one JSON object per line with `LOG_FORMAT=json`. */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { SessionConfig } from "../services/config/SessionConfig.ts"

const colour = (code: number) => (text: string) => `\u001B[${code}m${text}\u001B[0m`

const plain = (text: string) => text

const GREY = 90
const levelColours: Readonly<Record<string, number>> = { Debug: 34, Info: 32, Warn: 33, Error: 31, Fatal: 31 }

/** Aligns the messages: the longest common name of a level. */
const LEVEL_WIDTH = 5

const textOf = (part: unknown): string => (typeof part === "string" ? part : (JSON.stringify(part) ?? String(part)))

const pairOf = ([name, value]: [string, unknown]): string => {
  const text = textOf(value)
  return `${name}=${/[\s"=]/.test(text) ? JSON.stringify(text) : text}`
}

/** One line per record: time, level, message, annotations; the cause of a failure below it. */
export const formatLine = (coloured: boolean): Logger.Logger<unknown, string> =>
  Logger.make(({ cause, date, fiber, logLevel, message }) => {
    const grey = coloured ? colour(GREY) : plain
    const level = coloured ? colour(levelColours[logLevel] ?? GREY) : plain
    const parts = Array.isArray(message) ? message : [message]
    const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(pairOf)
    const line = [
      grey(date.toISOString()),
      level(logLevel.toUpperCase().padEnd(LEVEL_WIDTH)),
      parts.map(textOf).join(" "),
      ...(annotations.length === 0 ? [] : [grey(annotations.join(" "))])
    ].join(" ")
    const text = cause.reasons.length === 0 ? line : `${line}\n${Cause.pretty(cause)}`
    return text.replaceAll("\n", "\n  ")
  })

/** Colours on a terminal only, and not with NO_COLOR (https://no-color.org). */
const useColour = Effect.map(
  Effect.isFailure(Config.String("NO_COLOR")),
  (isAllowed) => process.stderr.isTTY === true && isAllowed
)

/** Writes to stderr, so that stdout has only the output of commands. Lines for a closed terminal are dropped. */
export const layer: Layer.Layer<never, never, SessionConfig> = Layer.unwrap(
  Effect.gen(function* () {
    const { logFormat } = yield* SessionConfig
    const format = logFormat === "json" ? Logger.formatJson : formatLine(yield* useColour)
    return Logger.layer([Logger.withConsoleError(format)])
  })
)
