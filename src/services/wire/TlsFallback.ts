/** The second try that two of libpq's TLS modes allow, and none of the others. */
import type { SslMode } from "../config/ConnectionString.ts"
import type { SessionError } from "../errors/SessionError.ts"

/** PostgreSQL refuses a login for want of, or because of, encryption with this SQLSTATE (pg_hba.conf's `hostssl`). */
const NO_HBA_ENTRY = "28000"

/** The pooler's word for the same (Supavisor 2.9 source, client_handler/checks.ex). */
const TLS_REQUIRED = "ESSLREQUIRED"

/**
 * The mode to try again with after a failed dial; undefined when there is none. `prefer` goes on in plaintext when TLS
 * fails, `allow` with TLS when plaintext is refused (PostgreSQL docs, table of `sslmode`); `require` and above never
 * fall back.
 */
export const fallbackMode = (mode: SslMode, error: SessionError): SslMode | undefined => {
  const { reason } = error
  if (reason._tag !== "ConnectFailed") return undefined
  const refused = reason.sqlState === NO_HBA_ENTRY || reason.code === TLS_REQUIRED
  if (mode === "allow") return refused ? "require" : undefined
  if (mode === "prefer") return refused || reason.phase === "tls" ? "disable" : undefined
  return undefined
}
