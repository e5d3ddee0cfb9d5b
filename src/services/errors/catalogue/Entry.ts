export const errorClasses = ["capacity", "network", "pooler", "auth", "configuration", "statement", "closed"] as const

/** The kind of a failure; breakers, retries and statistics are kept per class. */
export type ErrorClass = (typeof errorClasses)[number]

export const phases = [
  "configuration",
  "dns",
  "tcp",
  "tls",
  "authentication",
  "session",
  "acquire",
  "query",
  "begin",
  "commit",
  "rollback",
  "listen",
  "drain"
] as const

/** The operation that failed. */
export type Phase = (typeof phases)[number]

/** One known failure: its meaning, whether another try helps, and what a person can do. */
export interface Entry {
  /** Unique in the catalogue; the sender's own code where it has one. */
  readonly code: string
  readonly class: ErrorClass
  /** Whether an unattended second try is safe and may succeed. */
  readonly isRetryable: boolean
  /** Milliseconds before another try makes sense; also given where only a person should try again. */
  readonly retryAfterMillis: number | undefined
  readonly title: string
  readonly explanation: string
  readonly remedy: string
  /** The public source of the code, its text and its meaning. */
  readonly source: string
}

/** How a failure is recognized as a catalogue entry. */
export interface Matchers {
  /** The code a Supavisor 2.9 message starts with, in parentheses. */
  readonly poolerCode?: string
  /** Texts as the sender writes them, from the start; `<name>` stands for anything. */
  readonly texts?: ReadonlyArray<string>
  /** Whether one of the texts must be there; otherwise they only document the entry. */
  readonly needsText?: boolean
  /** A SQLSTATE, or its first two characters for a whole class. */
  readonly sqlState?: string
  /** Codes of Node.js or OpenSSL errors. */
  readonly errno?: ReadonlyArray<string>
  /** true: only when the server ended the session; false: only when the session goes on. */
  readonly fatal?: boolean
  /** Whether AuthenticationOk had been seen. */
  readonly authenticated?: boolean
}

/** An entry with its matchers. */
export interface CatalogueEntry extends Entry {
  readonly matchers: Matchers
}

/** The facts of a failure, from the server or from the operating system. */
export interface FailureFacts {
  readonly sqlState?: string | undefined
  readonly severity?: string | undefined
  readonly serverMessage?: string | undefined
  readonly errno?: string | undefined
  readonly syscall?: string | undefined
  readonly nodeMessage?: string | undefined
  /** Whether AuthenticationOk was seen on this connection. */
  readonly authenticated?: boolean | undefined
  readonly phase?: Phase | undefined
}

/** A failure with its entry, and the facts from its text. */
export interface Classified {
  readonly entry: Entry
  /** How many sessions the pooler grants, if its message has the number. */
  readonly ceiling: number | undefined
  /** The server's text for a person: secrets removed, Erlang tuples made addresses. */
  readonly serverMessage: string | undefined
}

/** When another try makes sense: after milliseconds, `now` or `never`. */
type Retry = number | "now" | "never"

/** The part of an entry that follows its code, class and retry. */
interface Definition extends Pick<Entry, "title" | "explanation" | "remedy" | "source"> {
  /** For `never`: milliseconds until a person's next try makes sense. */
  readonly after?: number
  readonly matchers?: Matchers
}

/** Makes an entry. */
export const define = (
  code: string,
  errorClass: ErrorClass,
  retry: Retry,
  { after, matchers = {}, ...texts }: Definition
): CatalogueEntry => ({
  code,
  class: errorClass,
  isRetryable: retry !== "never",
  retryAfterMillis: typeof retry === "number" ? retry : after,
  ...texts,
  matchers
})

/** Makes entries that have this source unless they name another one. */
export const defineFrom =
  (source: string) =>
  (
    code: string,
    errorClass: ErrorClass,
    retry: Retry,
    definition: Omit<Definition, "source"> & { readonly source?: string }
  ): CatalogueEntry =>
    define(code, errorClass, retry, { source, ...definition })

/** A Supavisor 2.9 error: the part of `code` before `_` is the one that its message starts with, in parentheses. */
export const supavisor = (
  code: string,
  errorClass: ErrorClass,
  retry: Retry,
  { needsText = false, texts = [], ...rest }: Definition & Pick<Matchers, "needsText" | "texts">
): CatalogueEntry =>
  define(code, errorClass, retry, { ...rest, matchers: { poolerCode: code.replace(/_.*/, ""), needsText, texts } })
