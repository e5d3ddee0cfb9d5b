/**
 * Which statements leave something behind in a session.
 *
 * A lease that ran one of them is reset before the session is lent again; the others cost nothing. The text is
 * looked at once and remembered, because a program runs the same few hundred texts for ever. A setting changed
 * inside a function of the user's own shows in no text: the server reports the changes of the settings it tracks
 * (ParameterStatus), and those taint as well; for the rest there is `reset: "always"`.
 */

/** `clean` leaves nothing; `reset` leaves state that the reset statements clear; `close` leaves state they do not. */
export type Taint = "clean" | "reset" | "close"

const LEADING_NOISE = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/

/** PREPARE, DEALLOCATE and DISCARD touch the named statements that the driver relies on; LOAD cannot be undone. */
const CLOSING_VERB = /^(?:prepare(?!\s+transaction)|deallocate|discard|load)\b/i

/** Settings of the transaction alone end with it. */
const TRANSACTION_SETTING = /^set\s+(?:local|transaction|constraints)\b/i

const STATEFUL_VERB = /^(?:set|reset|listen|unlisten|declare|do|call|import|security)\b/i

const TEMPORARY =
  /\b(?:create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?\b|into\s+(?:(?:local|global)\s+)?temp(?:orary)?\b|pg_temp\b)/i

/** Functions of PostgreSQL that outlive the transaction. Advisory locks of the transaction (`_xact_`) do not. */
const STATEFUL_FUNCTION =
  /\b(?:set_config|setseed|pg_advisory_lock(?:_shared)?|pg_try_advisory_lock(?:_shared)?|pg_replication_origin_session_setup|dblink_connect(?:_u)?|dblink)\s*\(/i

/** What this statement leaves behind. */
export const taintOf = (sql: string): Taint => {
  const text = sql.replace(LEADING_NOISE, "")
  if (CLOSING_VERB.test(text)) return "close"
  if (TRANSACTION_SETTING.test(text)) return "clean"
  if (STATEFUL_VERB.test(text) || TEMPORARY.test(text) || STATEFUL_FUNCTION.test(text)) return "reset"
  return "clean"
}

/** The heavier of two. */
export const strongerTaint = (a: Taint, b: Taint): Taint =>
  a === "close" || b === "close" ? "close" : a === "reset" ? a : b

/** OpenTelemetry's word for whatever is not told apart (semantic conventions, `error.type`). */
export const OTHER = "_OTHER"

/** First words that are told apart. */
const OPERATIONS = new Set(
  (
    "SELECT INSERT UPDATE DELETE MERGE WITH VALUES COPY CALL BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE SET SHOW " +
    "LISTEN UNLISTEN NOTIFY CREATE ALTER DROP TRUNCATE GRANT REVOKE EXPLAIN ANALYZE VACUUM REFRESH LOCK DO"
  ).split(" ")
)

/** Blanks, brackets and comments may stand before the first word. */
const FIRST_WORD = /^(?:[\s(]+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]+)/i

/** The statement's first word in capitals, as `db.operation.name` wants it; `_OTHER` for one that SQL does not know. */
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
