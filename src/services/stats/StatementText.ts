/**
 * What can be read from a statement's text: the session state that it leaves behind (its taint) and its operation.
 *
 * A session with a taint is reset before its next lease. A setting changed inside a user's own function does not show
 * in the text: the server reports changes of the settings that it tracks (ParameterStatus), which taint the session as
 * well; for all others there is `reset: "always"`.
 */

/** `clean`: no state. `reset`: state that the reset statements clear. `close`: state that they do not clear. */
export type Taint = "clean" | "reset" | "close"

const LEADING_NOISE = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/

/** PREPARE, DEALLOCATE and DISCARD change the named statements that the driver relies on; LOAD cannot be undone. */
const CLOSING_VERB = /^(?:prepare(?!\s+transaction)|deallocate|discard|load)\b/i

/** These settings end with the transaction. */
const TRANSACTION_SETTING = /^set\s+(?:local|transaction|constraints)\b/i

const STATEFUL_VERB = /^(?:set|reset|listen|unlisten|declare|do|call|import|security)\b/i

const TEMPORARY =
  /\b(?:create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?\b|into\s+(?:(?:local|global)\s+)?temp(?:orary)?\b|pg_temp\b)/i

/** PostgreSQL functions whose effect outlives the transaction. That of transaction-level advisory locks does not. */
const STATEFUL_FUNCTION =
  /\b(?:set_config|setseed|pg_advisory_lock(?:_shared)?|pg_try_advisory_lock(?:_shared)?|pg_replication_origin_session_setup|dblink_connect(?:_u)?|dblink)\s*\(/i

export const taintOf = (sql: string): Taint => {
  const text = sql.replace(LEADING_NOISE, "")
  if (CLOSING_VERB.test(text)) return "close"
  if (TRANSACTION_SETTING.test(text)) return "clean"
  if (STATEFUL_VERB.test(text) || TEMPORARY.test(text) || STATEFUL_FUNCTION.test(text)) return "reset"
  return "clean"
}

export const strongerTaint = (a: Taint, b: Taint): Taint =>
  a === "close" || b === "close" ? "close" : a === "reset" ? a : b

/** OpenTelemetry's value for all others (semantic conventions, `error.type`). */
export const OTHER = "_OTHER"

const OPERATIONS = new Set(
  (
    "SELECT INSERT UPDATE DELETE MERGE WITH VALUES COPY CALL BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE SET SHOW " +
    "LISTEN UNLISTEN NOTIFY CREATE ALTER DROP TRUNCATE GRANT REVOKE EXPLAIN ANALYZE VACUUM REFRESH LOCK DO"
  ).split(" ")
)

/** After blanks, brackets and comments. */
const FIRST_WORD = /^(?:[\s(]+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]+)/i

/** The statement's first word in capitals, for `db.operation.name`; `_OTHER` for a word that is not listed above. */
export const operationOf = (sql: string): string => {
  const word = FIRST_WORD.exec(sql)?.[1]?.toUpperCase() ?? ""
  return OPERATIONS.has(word) ? word : OTHER
}

/** Length of a statement in a message, in characters: enough to recognize it. */
const SHORT_LENGTH = 80

/** A statement on one line of at most 80 characters, for messages. */
export const shortStatement = (sql: string): string => {
  const line = sql.replaceAll(/\s+/g, " ").trim()
  return line.length > SHORT_LENGTH ? `${line.slice(0, SHORT_LENGTH)}...` : line
}
