/** Where the operations server of a running program is, and what opens its door. */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { EXIT_INVALID } from "../ExitCode.ts"

/** The default of `HTTP_PORT`. */
const DEFAULT_PORT = 8321

/** `Config.Port` leaves out 0, which lets the server choose. */
const PortOrAny = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))

/** Addresses that stand for all of a machine's own: a client asks the loopback one. */
const wildcards = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
  ["[::]", "::1"]
])

/** What a person may have copied together with the address. */
const KNOWN_PATHS = /\/(?:status|events|livez|readyz|healthz|startupz|metrics)?$/

/** Where to ask. */
export interface Target {
  /** Without a slash at its end. */
  readonly base: string
  /** Whether the address was given, and not taken from the settings. */
  readonly given: boolean
  readonly token: Redacted.Redacted<string> | undefined
}

/** What the flags said. */
export interface TargetOptions {
  readonly url: Option.Option<string>
  readonly token: Option.Option<Redacted.Redacted<string>>
}

/** The address or the token cannot be used; nothing was asked. Ends the program with code 2. */
export class TargetInvalid extends Data.TaggedError("TargetInvalid")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = EXIT_INVALID
}

const invalid = (message: string): Effect.Effect<never, TargetInvalid> => Effect.fail(new TargetInvalid({ message }))

const EXAMPLE = "Write --url http://127.0.0.1:8321"

const fromText = (text: string): Effect.Effect<string, TargetInvalid> => {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`)
  if (url === null) return invalid(`--url is no address. ${EXAMPLE}.`)
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return invalid(
      `--url wants the http address of a running program, not ${url.protocol}//. ${EXAMPLE}; ` +
        "for a connection string there is: effect-supavisor doctor <connection string>."
    )
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return invalid(`--url takes no user, password or parameters. ${EXAMPLE}, and give the token in HTTP_TOKEN.`)
  }
  return Effect.succeed(`${url.origin}${url.pathname.replace(KNOWN_PATHS, "")}`)
}

const withBrackets = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

const fromSettings = Effect.gen(function* () {
  const host = yield* Config.String("HTTP_HOST").pipe(Config.withDefault("127.0.0.1"))
  const port = yield* Config.schema(PortOrAny, "HTTP_PORT").pipe(Config.withDefault(DEFAULT_PORT))
  if (port === 0) {
    return yield* invalid(
      'HTTP_PORT is 0, so the program chose a port of its own: give the address of its line "Operations at" as --url.'
    )
  }
  return `http://${withBrackets(wildcards.get(host) ?? host)}:${port}`
}).pipe(
  Effect.catchTag("ConfigError", () =>
    invalid(
      "HTTP_HOST or HTTP_PORT cannot be read: HTTP_PORT must be a port from 0 to 65535. Correct it, or use --url."
    )
  )
)

/** What fits into a header (RFC 6750, section 2.1, allows less; the server decides). */
const HEADER_TEXT = /^[\u0021-\u007E]+$/

const tokenFrom = (option: Option.Option<Redacted.Redacted<string>>) =>
  Effect.gen(function* () {
    const token = Option.isSome(option)
      ? option.value
      : yield* Config.Redacted("HTTP_TOKEN").pipe(
          Config.withDefault(undefined),
          Effect.orElseSucceed(() => undefined)
        )
    if (token === undefined || Redacted.value(token) === "") return undefined
    if (HEADER_TEXT.test(Redacted.value(token))) return token
    return yield* invalid("The token holds a space or a character that no header can carry. Copy it again.")
  })

/**
 * Where to ask: the flags, else `HTTP_HOST`, `HTTP_PORT` and `HTTP_TOKEN` of the current ConfigProvider.
 *
 * Other settings may be missing or wrong: they are not looked at. Fails with `TargetInvalid`.
 */
export const targetOf = Effect.fnUntraced(function* (options: TargetOptions) {
  const given = Option.isSome(options.url)
  const base = given ? yield* fromText(options.url.value) : yield* fromSettings
  const token = yield* tokenFrom(options.token)
  return { base, given, token } satisfies Target
})
