/** `status`: requests the status of a running program and shows it in the format given. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import { StatusBody } from "../../http/StatusSchema.ts"
import { EXIT_FAILURE } from "../ExitCode.ts"
import { safeJson } from "../terminal/PlainText.ts"
import { addressOf, type AddressOptions, type OperationsAddress } from "./OperationsAddress.ts"
import { client, decodePlain, request, unexpected, unreachable } from "./StatusClient.ts"
import { statusLine, statusTable } from "./StatusText.ts"

export type Format = "line" | "table" | "json"

export interface StatusOptions extends AddressOptions {
  readonly format: Format
  readonly timeout: Duration.Duration
}

/** The program answers and is not ready. The status was shown, so there is nothing to report. */
class NotReady extends Data.TaggedError("NotReady") {
  override readonly [Runtime.errorExitCode] = EXIT_FAILURE
  override readonly [Runtime.errorReported] = false
}

const PATH = "/status"

const render = (format: Format, text: string, status: StatusBody, address: OperationsAddress, now: number): string => {
  if (format === "json") return safeJson(JSON.parse(text))
  if (format === "line") return statusLine(status, now)
  return statusTable(status, address.base, process.stdout.columns ?? Number.POSITIVE_INFINITY, now).join("\n")
}

/** Fails with `AddressInvalid` (code 2), `StatusUnavailable` or, when the program is not ready, `NotReady` (1). */
export const showStatus = Effect.fn("status")(
  function* ({ format, timeout, ...options }: StatusOptions) {
    const address = yield* addressOf(options)
    const response = yield* request(address, PATH, "application/json", timeout)
    const text = yield* response.text.pipe(
      Effect.timeout(timeout),
      Effect.mapError(() => unreachable(address, "its answer is incomplete"))
    )
    const status = yield* Effect.mapError(decodePlain(StatusBody)(text), (why) =>
      unexpected(address, PATH, `its answer ${why}`)
    )
    yield* Console.log(render(format, text, status, address, yield* Clock.currentTimeMillis))
    if (status.ready) return
    // The line has no room for the remedy; the other formats contain it.
    if (format === "line" && status.verdict.remedy !== undefined) yield* Console.error(status.verdict.remedy)
    return yield* new NotReady()
  },
  (effect) => Effect.provide(effect, client)
)
