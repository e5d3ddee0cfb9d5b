/** `status`: asks a running program how it is, and says it in the format wanted. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { EXIT_FAILURE } from "../ExitCode.ts"
import { ask, client, foreign, silence } from "./StatusClient.ts"
import type { Format } from "./Formats.ts"
import { cut, parsePlain, safeJson } from "../terminal/PlainText.ts"
import { StatusBody } from "./StatusBody.ts"
import { statusLine } from "./StatusLine.ts"
import { statusTable } from "./StatusTable.ts"
import { type Target, targetOf, type TargetOptions } from "./Target.ts"
import { type Verdict, verdictOf } from "./Verdict.ts"

export interface StatusOptions extends TargetOptions {
  readonly format: Format
  readonly timeout: Duration.Duration
}

/** The program answers, and does not do its work. What there is to say was said. */
class NotReady extends Data.TaggedError("NotReady") {
  override readonly [Runtime.errorExitCode] = EXIT_FAILURE
  override readonly [Runtime.errorReported] = false
}

const PATH = "/status"

/** As much of a schema's complaint as a person can use. */
const COMPLAINT_WIDTH = 120

const decode = Schema.decodeUnknownEffect(StatusBody)

/** Reads a status out of a text; texts in it become plain. Fails with a `NoAnswer` for anything else. */
export const readStatus = (target: Target, path: string, text: string) =>
  Effect.try({ try: () => parsePlain(text), catch: () => foreign(target, path, "its answer is no JSON") }).pipe(
    Effect.flatMap((body) =>
      Effect.mapError(decode(body), ({ message }) => {
        const [first = ""] = message.split("\n", 1)
        return foreign(target, path, `its answer is not the expected one (${cut(first, COMPLAINT_WIDTH)})`)
      })
    )
  )

const say = (format: Format, text: string, status: StatusBody, target: Target, now: number): string => {
  if (format === "json") return safeJson(JSON.parse(text))
  if (format === "line") return statusLine(status, now)
  return statusTable(status, target.base, process.stdout.columns ?? Number.POSITIVE_INFINITY, now).join("\n")
}

/** A line leaves no room for it; a table has it, and JSON too. */
const sayRemedy = (format: Format, { remedy }: Verdict) =>
  format === "line" && remedy !== undefined ? Console.error(remedy) : Effect.void

/**
 * The command. Succeeds when the program is up or degraded; fails with `TargetInvalid` (code 2), `NoAnswer` or, when
 * the program answers that it does not do its work, `NotReady` (code 1).
 */
export const showStatus = Effect.fn("status")(
  function* (options: StatusOptions) {
    const target = yield* targetOf(options)
    const response = yield* ask(target, PATH, "application/json", options.timeout)
    const text = yield* response.text.pipe(
      Effect.timeout(options.timeout),
      Effect.mapError(() => silence(target, "its answer breaks off"))
    )
    const status = yield* readStatus(target, PATH, text)
    const now = yield* Clock.currentTimeMillis
    const verdict = verdictOf(status, now)
    yield* Console.log(say(options.format, text, status, target, now))
    if (verdict.mood !== "bad") return
    yield* sayRemedy(options.format, verdict)
    return yield* new NotReady()
  },
  (effect) => Effect.provide(effect, client)
)
