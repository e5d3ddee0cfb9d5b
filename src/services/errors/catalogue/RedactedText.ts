const tuple = /\{(\d{1,5}(?:, ?\d{1,5}){3}(?:(?:, ?\d{1,5}){4})?)\}/g

const ipv4Groups = 4

const maxOctet = 255

const maxGroup = 0xffff

/** An IPv4 peer on an IPv6 socket: five zero groups, then ffff (RFC 4291, 2.5.5.2). */
const isMapped = (groups: ReadonlyArray<number>): boolean =>
  groups.slice(0, 5).every((group) => group === 0) && groups[5] === maxGroup

const printIpv4 = (octets: ReadonlyArray<number>): string => octets.join(".")

/** The longest run of zero groups becomes `::`, the first one when several are as long (RFC 5952, 4.2). */
const printIpv6 = (groups: ReadonlyArray<number>): string => {
  let start = 0
  let length = 0
  for (let from = 0; from < groups.length; from++) {
    let to = from
    while (groups[to] === 0) to += 1
    if (to - from > length) {
      start = from
      length = to - from
    }
  }
  const hex = (part: ReadonlyArray<number>): string => part.map((group) => group.toString(16)).join(":")
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

const printTuple = (whole: string, list: string): string => {
  const numbers = list.split(",").map(Number)
  if (numbers.length === ipv4Groups) return numbers.every((number) => number <= maxOctet) ? printIpv4(numbers) : whole
  if (!numbers.every((number) => number <= maxGroup)) return whole
  if (!isMapped(numbers)) return printIpv6(numbers)
  return printIpv4(numbers.slice(6).flatMap((group) => [group >> 8, group & maxOctet]))
}

/**
 * Prints the Erlang address tuples of a text as addresses: `{192, 0, 2, 7}` becomes `192.0.2.7`, eight numbers become
 * IPv6. Only in texts about the pooler's allow list, because PostgreSQL writes arrays in the same braces.
 */
export const printAddresses = (text: string): string =>
  text.includes("allow_list") ? text.replace(tuple, printTuple) : text

/** Longest text that is kept: PostgreSQL's own texts are far shorter, a quoted statement may be longer. */
const maxTextLength = 4_096

/** Longest text that is searched for credentials; searching is quadratic in the worst case. */
const maxSearchedLength = 65_536

const hidden = "*****"

const mayHoldSecret = /:\/\/|pass|pwd|secret|token|api_?key/i

// Greedy to the last "@" of the line, because an unencoded password may itself hold "@", "/", ":" and blanks.
const urlCredentials = /(:\/\/[^\s:/?#@]*:)[^\r\n]*@/g

const key = String.raw`((?:password|passwd|passphrase|pwd|secret|token|api_?key)\w{0,40}["'\])]{0,4}`

const quoted = String.raw`(?:~[a-zA-Z])?(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|\([^)]*\))`

const assigned = new RegExp(String.raw`${key}\s*(?:=>|[=:,])\s*)${quoted}`, "gi")

const bareAssigned = new RegExp(String.raw`${key}\s*=>?\s*)(?!\*{5}(?:\W|$))\S+`, "gi")

const sqlPassword = /(\bpassword\s+)'(?:[^'\\]|\\.|'')*'/gi

const hide = (text: string): string =>
  mayHoldSecret.test(text)
    ? text
        .replace(urlCredentials, `$1${hidden}@`)
        .replace(assigned, `$1${hidden}`)
        .replace(sqlPassword, `$1${hidden}`)
        .replace(bareAssigned, `$1${hidden}`)
    : text

// A word cut in the middle could be a URL that lost its "@", by which a secret is recognized.
const cutAtBlank = (text: string): string => {
  const head = text.slice(0, maxTextLength)
  return `${head.slice(0, Math.max(head.lastIndexOf(" "), 0))} ...`
}

/**
 * Removes what looks like a credential from a text of a server, driver or library.
 *
 * It recognizes `://user:secret@` and pairs such as `password=secret`, `"password": "secret"`, `PASSWORD 'secret'` and
 * Elixir's `password: "secret"`; in doubt it hides. Texts longer than 4096 characters are cut.
 */
export const redactForeignText = (text: string): string => hide(text.length > maxTextLength ? cutAtBlank(text) : text)

/** Whether a text holds what looks like a credential, or is too long to be searched for one. */
export const holdsCredential = (text: string): boolean => text.length > maxSearchedLength || hide(text) !== text
