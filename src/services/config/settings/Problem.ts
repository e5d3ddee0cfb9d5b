/** Problems of settings, and the part of a received value that may be shown. */
import { redact } from "../ConnectionString.ts"

export type { SettingProblem as Problem } from "../../errors/SessionError.ts"

/** Long enough to recognize a mistyped value, short enough for one line. */
const longestDisplayed = 60

/** A connection string pasted into the wrong variable, which may hold a password that no other value reveals. */
const resemblesConnectionString = /:\/\/|password\s*=|@/i

/** Shown in place of a value that may hold a secret. */
export const hidden = "<redacted>"

/**
 * The part of a received value that may be shown, cut to 60 characters.
 *
 * A value that resembles a connection string, or holds one of the secrets, is not shown at all.
 */
export const displayed = (value: unknown, secrets: ReadonlyArray<string>): string => {
  const text = typeof value === "string" ? value : typeof value === "object" ? "an object" : String(value)
  if (resemblesConnectionString.test(text) || redact(text, secrets) !== text) return hidden
  if (secrets.some((secret) => secret !== "" && text.trim() === secret)) return hidden
  return text.length > longestDisplayed ? `${text.slice(0, longestDisplayed)}…` : text
}
