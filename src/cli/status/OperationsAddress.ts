/** The address and the token of a running program's operations server. */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { EXIT_INVALID } from "../ExitCode.ts"

const DEFAULT_PORT = 8321

/** `Config.Port` leaves out 0, which lets the server choose. */
const PortOrAny = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))

/** Listening addresses that mean every interface, with the loopback address that a client connects to. */
const wildcards = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
  ["[::]", "::1"]
])

/** Paths that may have been copied together with the address. */
const KNOWN_PATHS = /\/(?:status|events|livez|readyz|healthz|startupz|metrics)?$/

export interface OperationsAddress {
  /** Without a slash at its end. */
  readonly base: string
  /** Whether the address was given, and not taken from the settings. */
  readonly given: boolean
  readonly token: Redacted.Redacted<string> | undefined
}

export interface AddressOptions {
  readonly url: Option.Option<string>
  readonly token: Option.Option<Redacted.Redacted<string>>
}

/** The address or the token is unusable; no request was sent. Ends the program with code 2. */
export class AddressInvalid extends Data.TaggedError("AddressInvalid")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = EXIT_INVALID
}

const invalid = (message: string): Effect.Effect<never, AddressInvalid> => Effect.fail(new AddressInvalid({ message }))

const EXAMPLE = "Write --url http://127.0.0.1:8321"

const fromText = (text: string): Effect.Effect<string, AddressInvalid> => {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`)
  if (url === null) return invalid(`--url is not an address. ${EXAMPLE}.`)
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return invalid(
      `--url must be the http address of a running program, not ${url.protocol}//. ${EXAMPLE}; ` +
        "for a connection string use: effect-supavisor doctor <connection string>."
    )
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return invalid(
      `--url must not contain a user, a password or parameters. ${EXAMPLE}, and give the token in HTTP_TOKEN.`
    )
  }
  return Effect.succeed(`${url.origin}${url.pathname.replace(KNOWN_PATHS, "")}`)
}

const withBrackets = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

const fromSettings = Effect.gen(function* () {
  const host = yield* Config.String("HTTP_HOST").pipe(Config.withDefault("127.0.0.1"))
  const port = yield* Config.schema(PortOrAny, "HTTP_PORT").pipe(Config.withDefault(DEFAULT_PORT))
  if (port === 0) {
    return yield* invalid(
      'HTTP_PORT is 0, so the system chose a port: give the address of its line "Operations at" as --url.'
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

/** Characters of a header value (RFC 6750, section 2.1, allows fewer; the server decides). */
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
    return yield* invalid("The token contains a space or a character that is not allowed in a header. Copy it again.")
  })

/**
 * The address of the flags, else of `HTTP_HOST`, `HTTP_PORT` and `HTTP_TOKEN` of the current ConfigProvider.
 *
 * Other settings are not read, so they may be missing or wrong. Fails with `AddressInvalid`.
 */
export const addressOf = Effect.fnUntraced(function* (options: AddressOptions) {
  const given = Option.isSome(options.url)
  const base = given ? yield* fromText(options.url.value) : yield* fromSettings
  const token = yield* tokenFrom(options.token)
  return { base, given, token } satisfies OperationsAddress
})
