/**
 * What of the settings must not appear in anything that is shown.
 */
import * as Redacted from "effect/Redacted"
import { secretsOf } from "../ConnectionString.ts"
import type { Settings } from "./Settings.ts"

/** The password as far as it is known beforehand, and the token of the operations server. */
export const secretsOfSettings = ({
  connection,
  http
}: Pick<Settings, "connection" | "http">): ReadonlyArray<string> => [
  ...(connection === undefined ? [] : secretsOf(connection)),
  ...(http.token === undefined ? [] : [Redacted.value(http.token)])
]
