/** Longest foreign text that is kept: PostgreSQL's own texts stay far below it, a quoted statement may not. */
const maxTextLength = 4_096

/** Longest text that is searched for credentials at all; searching is quadratic in the worst case. */
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

// A word cut in the middle could be a URL that lost its "@", and with it the sign that a secret precedes it.
const cutAtBlank = (text: string): string => {
  const head = text.slice(0, maxTextLength)
  return `${head.slice(0, Math.max(head.lastIndexOf(" "), 0))} ...`
}

/**
 * Removes what looks like a credential from a text somebody else wrote.
 * It knows `://user:secret@` and pairs such as `password=secret`, `"password": "secret"`, `PASSWORD 'secret'` and
 * Elixir's `password: "secret"`; it hides too much rather than too little. Texts longer than 4096 characters are cut.
 */
export const redactForeignText = (text: string): string => hide(text.length > maxTextLength ? cutAtBlank(text) : text)

/** Whether a text holds what looks like a credential, or is too long to be searched for one. */
export const holdsCredential = (text: string): boolean => text.length > maxSearchedLength || hide(text) !== text
