/** The errors of Supavisor, with its texts (Supavisor 2.9 source, lib/supavisor/errors). */
import type { ErrorFields } from "./BackendMessages.ts"
import { poolerTimes } from "./PoolerClock.ts"

export interface Refusal {
  /** For the counters: the code in the message, else the SQLSTATE. */
  readonly code: string
  readonly fields: ErrorFields
  /** Delay before it is sent, in pooler milliseconds. */
  readonly delayMillis: number
}

const refusal = (code: string, sqlState: string, text: string, delayMillis = 0): Refusal => ({
  code,
  fields: { S: "FATAL", C: sqlState, M: text },
  delayMillis
})

const coded = (code: string, text: string, sqlState = "XX000", delayMillis = 0): Refusal =>
  refusal(code, sqlState, `(${code}) ${text}`, delayMillis)

export const startupInvalid = (problem: "bad_startup_payload" | "missing_user"): Refusal =>
  coded("ESTARTUPMESSAGE", `Invalid startup message: :${problem}`, "08P01")

/** The largest first packet in bytes (Supavisor 2.9 source, protocol.ex). */
export const maxStartupBytes = 1024

export const startupTooLarge = (bytes: number): Refusal =>
  coded("ESTARTUPPACKETTOOLARGE", `Startup packet too large: ${bytes} bytes (max ${maxStartupBytes} bytes)`, "08P01")

export const invalidUserInfo = coded(
  "EINVALIDUSERINFO",
  'Authentication error, reason: "Invalid format for user or db_name"'
)

export const noIdentifier = coded(
  "ENOIDENTIFIER",
  "no tenant identifier provided (external_id or sni_hostname required)"
)

export const tenantNotFound = (role: string, tenant: string): Refusal =>
  coded("ENOTFOUND", `tenant/user ${role}.${tenant} not found`, undefined, poolerTimes.delayedAnswer)

export const banned = (reason: string): Refusal => coded("EBANNED", `tenant is banned: ${reason}`)

export const tlsRequired = (role: string): Refusal =>
  coded("ESSLREQUIRED", `SSL connection is required for user: ${role}`)

/** The address is printed as an Erlang tuple: `{127, 0, 0, 1}`. */
export const addressNotAllowed = (address: string): Refusal =>
  coded("EADDRNOTALLOWED", `address not in tenant allow_list: {${address.split(".").join(", ")}}`)

export const tooManySessions = (poolSize: number): Refusal =>
  coded("EMAXCONNSESSION", `max clients reached in session mode - max clients are limited to pool_size: ${poolSize}`)

/** For a session that queued for the whole checkout time (Supavisor 2.7 source, client_handler.ex). */
export const queuedTooLong = refusal(
  "MaxClientsInSessionMode",
  "XX000",
  "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size"
)

export const tooManyClients = (limit: number): Refusal =>
  coded("EMAXCONN", `max client connections reached, limit: ${limit}`)

export const tooManyPools = coded("EMAXPOOLSREACHED", "max pools count reached")

export const checkoutTimeout = (millis: number, mode: "session" | "transaction"): Refusal =>
  coded(
    "ECHECKOUTTIMEOUT",
    `unable to check out connection from the pool after ${millis}ms in ${mode === "session" ? "Session" : "Transaction"} mode`
  )

export const addressBlocked = coded(
  "ECIRCUITBREAKER",
  "too many authentication failures, new connections are temporarily blocked"
)

export const credentialsBlocked = coded(
  "ECIRCUITBREAKER",
  "failed to retrieve database credentials after multiple attempts, new connections are temporarily blocked"
)

export const credentialsUnreadable = coded(
  "EAUTHQUERY",
  "authentication query failed: connection to database not available"
)

export const roleNotFound = coded("EAUTHQUERY", "user not found in the database")

export const authenticationTimeout = coded("EAUTHTIMEOUT", "timeout while waiting for message", "08006")

export const authenticationViolation = coded("EAUTHPROTOCOL", "protocol violation during authentication", "08P01")

export const wrongPassword = (role: string): Refusal =>
  refusal("28P01", "28P01", `password authentication failed for user "${role}"`, poolerTimes.delayedAnswer)

export const databaseUnreachable = (detail: string): Refusal =>
  refusal("08006", "08006", `Failed to connect to database: ${detail}`)

/** A pool that stops sends PostgreSQL's own text. */
export const poolStopped: Refusal = {
  code: "57P01",
  fields: { S: "FATAL", V: "FATAL", C: "57P01", M: "terminating connection due to administrator command" },
  delayMillis: 0
}

/** PostgreSQL's refusal of the pooler's login, passed to the client unchanged. */
export const fromDatabase = (fields: ErrorFields): Refusal => ({ code: fields["C"] ?? "XX000", fields, delayMillis: 0 })
