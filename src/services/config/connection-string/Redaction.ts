/** The substitute for a removed secret, always of the same length, because the length is a secret, too. */
export const MASK = "*****"

/** Shorter secrets occur in any text by chance. */
const SHORTEST_IN_PROSE = 4

/** Words of ordinary messages about databases that are also common local passwords. */
const COMMON_WORDS: ReadonlySet<string> = new Set(
  (
    "admin authenticator database host localhost password pgbouncer pooler port postgres postgresql public role root " +
    "secret session supabase supavisor test user"
  ).split(" ")
)

const PASSWORD_NAME = String.raw`(?:password|passwd|pwd)\\*["']?\s*(?:=|%3d|:(?=\s*\\*["']))\s*`
/** A value in quotes, in quotes that are escaped themselves, or up to the next blank, `&` or quote. */
const PASSWORD_VALUE = String.raw`(?:(["'])(?:\\.|(?!\2)[^\\])*\2|(\\+["']).*?\3|["']?[^\s&"']+)`
/** The bounds keep the search linear in the text; names end at 63 bytes, and tokens as passwords at some 2000. */
const IN_URL = /(\/\/[^\s/@:"'`<>]{0,512}:)[^\s"'`<>]{0,4096}(?=@)/g
const IN_PAIR = new RegExp(`(${PASSWORD_NAME})${PASSWORD_VALUE}`, "gis")

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)

const hexadecimal = (byte: number): string =>
  byte
    .toString(16)
    .padStart(2, "0")
    .replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)

/** One character: percent-encoded once or repeatedly (`%25…`), or as it is. */
const characterPattern = (character: string): string => {
  const encoded = Array.from(new TextEncoder().encode(character), (byte) => `%(?:25)*${hexadecimal(byte)}`).join("")
  return `(?:${encoded}|${escape(character)}${character === " " ? String.raw`|\+` : ""})`
}

const inJson = (secret: string): string => JSON.stringify(secret).slice(1, -1)
const inQuotes = (secret: string): string => secret.replace(/[\\']/g, String.raw`\$&`)

/** Every way a secret may be written: any mixture of raw and encoded characters, or escaped in a quoted text. */
const secretPattern = (secret: string): string =>
  [
    // The escaped forms first: a secret that ends in a backslash occurs inside its own escaped form.
    ...new Set([inJson(secret), inQuotes(secret)].filter((form) => form !== secret).map(escape)),
    Array.from(secret, characterPattern).join("")
  ].join("|")

const isDistinctive = (secret: string): boolean =>
  secret.length >= SHORTEST_IN_PROSE && !COMMON_WORDS.has(secret.toLowerCase())

/**
 * Removes every secret from a text and returns it with `*****` in their places.
 *
 * A secret is found raw, percent-encoded in full or in part (upper or lower case digits, repeatedly too) and escaped
 * in a quoted text. The password of a URL (`//user:…@`) or a pair (`password=…`, `"password":"…"`)
 * is removed even if it is not among the secrets. Secrets shorter than four characters, and common words such as
 * `postgres`, are removed in these two positions only: elsewhere ordinary text would be removed.
 */
export const redact = (text: string, secrets: ReadonlyArray<string>): string => {
  const longestFirst = [...new Set(secrets)].filter((secret) => secret !== "").toSorted((a, b) => b.length - a.length)
  let redacted = text
  for (const secret of longestFirst) {
    const pattern = secretPattern(secret)
    redacted = isDistinctive(secret)
      ? redacted.replace(new RegExp(pattern, "g"), MASK)
      : redacted
          .replace(new RegExp(String.raw`(\/\/[^\s/@:]*:)(?:${pattern})(?=@)`, "g"), `$1${MASK}`)
          .replace(new RegExp(String.raw`(${PASSWORD_NAME}["']?)(?:${pattern})(?=$|[\s&"'])`, "gi"), `$1${MASK}`)
  }
  return redacted.replace(IN_URL, `$1${MASK}`).replace(IN_PAIR, `$1$2$3${MASK}$2$3`)
}
