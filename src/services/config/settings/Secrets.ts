/** The secrets among the settings, for `redact`. */
import * as Redacted from "effect/Redacted"
import { secretsOf } from "../ConnectionString.ts"
import type { Settings } from "./Settings.ts"

/** The passwords that the connection holds, the passphrase of the private key, and the token of the operations server. */
export const secretsOfSettings = ({
  connection,
  http,
  ssl
}: Pick<Settings, "connection" | "http" | "ssl">): ReadonlyArray<string> => [
  ...(connection === undefined ? [] : secretsOf(connection)),
  ...[http.token, ssl.passphrase].flatMap((secret) => (secret === undefined ? [] : [Redacted.value(secret)]))
]
