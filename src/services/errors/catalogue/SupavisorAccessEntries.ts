import { type CatalogueEntry, supavisor } from "./Entry.ts"
import { authenticationBlock, credentialBlock, databaseCoolDown, passwordPause, poolerPause } from "./RetryPauses.ts"

const breaker = "Supavisor 2.8 and 2.9 source, circuit_breaker.ex"
const authQuery = "Supavisor 2.9 source, errors/auth_query_error.ex"

/** Supavisor's errors about logins: circuit breakers, secrets and access tokens. */
export const supavisorAccessEntries: ReadonlyArray<CatalogueEntry> = [
  supavisor("ECIRCUITBREAKER_CREDENTIALS", "pooler", credentialBlock, {
    title: "the pooler blocks logins because it cannot read credentials",
    explanation:
      "Five look-ups of a role's secret failed within 300 s, usually because PostgreSQL is unreachable; the pooler " +
      "refuses logins of this project for 30 s (600 s before 2.9.2).",
    remedy: "Check whether the database runs; the password is not the cause.",
    source: breaker,
    needsText: true,
    texts: [
      "(ECIRCUITBREAKER) failed to retrieve database credentials",
      "Circuit breaker open: Failed to retrieve database credentials"
    ]
  }),
  supavisor("ECIRCUITBREAKER_DATABASE", "pooler", credentialBlock, {
    title: "the pooler blocks logins because it cannot reach the database",
    explanation: "Poolers up to 2.9.1 refused logins after too many failed connections to PostgreSQL.",
    remedy: "Check whether the database runs and has free connections.",
    source: breaker,
    needsText: true,
    texts: [
      "(ECIRCUITBREAKER) too many failed attempts to connect to the database",
      "Circuit breaker open: Unable to establish connection to upstream database"
    ]
  }),
  supavisor("ECIRCUITBREAKER", "auth", "never", {
    after: authenticationBlock,
    title: "the pooler blocks this address after too many failed logins",
    explanation:
      "Ten logins failed within 150 s from this public address, so all clients behind it are refused for 120 s, " +
      "also with the right password. The block does not clear the counter: one more early failure blocks again.",
    remedy: "Stop every process that logs in with a wrong password, correct it, and wait 180 s before the next login.",
    source: breaker,
    texts: [
      "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked",
      "Circuit breaker open: Too many authentication errors"
    ]
  }),
  supavisor("EAUTHTIMEOUT", "auth", poolerPause, {
    title: "the pooler received no login message for 15 s",
    explanation:
      "The client sent nothing during authentication: a blocked event loop or a slow network. The pooler counts it " +
      "as a failed login.",
    remedy: "Look for long synchronous work in this process at the time of the login, and open fewer sessions at once.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: ["(EAUTHTIMEOUT) timeout while waiting for message", "connection failure during authentication"]
  }),
  supavisor("EAUTHPROTOCOL", "auth", poolerPause, {
    title: "the pooler could not read a login message",
    explanation: "A message of the login could not be decoded, for instance because it arrived in two pieces.",
    remedy: "Nothing at first: the login is retried. If it persists, look for a proxy that splits or changes data.",
    source: "Supavisor 2.9 source, auth_methods/scram.ex",
    texts: ["(EAUTHPROTOCOL) protocol violation during authentication", "protocol violation during authentication"]
  }),
  supavisor("EAUTHQUERY_USER", "configuration", "never", {
    title: "the database has no such role",
    explanation: "The pooler queried PostgreSQL for the role's secret and found no login role of this name.",
    remedy:
      "Correct the role in the connection string (the part before the dot), or create it with LOGIN and a password.",
    source: authQuery,
    needsText: true,
    texts: ["(EAUTHQUERY) user not found in the database", "There is no user '<role>' in the database"]
  }),
  supavisor("EAUTHQUERY_SECRET", "configuration", "never", {
    title: "the pooler cannot use the role's stored secret",
    explanation:
      "The role's password is stored in a form that the pooler does not support, or the tenant has no query for it.",
    remedy: "Set the role's password again with password_encryption = 'scram-sha-256'.",
    source: authQuery,
    needsText: true,
    texts: [
      "(EAUTHQUERY) MD5 secrets are not supported for auth_query, use require_user instead",
      "(EAUTHQUERY) unsupported or invalid secret format",
      "(EAUTHQUERY) failed to parse SCRAM secret",
      "(EAUTHQUERY) no auth_query configured for this tenant",
      "(EAUTHQUERY) authentication query returned wrong format"
    ]
  }),
  supavisor("EAUTHQUERY", "pooler", databaseCoolDown, {
    title: "the pooler could not look up the role's secret",
    explanation:
      "The look-up needs a connection to PostgreSQL, and that failed or was not available. Five such failures in " +
      "300 s block logins for 30 s.",
    remedy: "Check whether the database runs and accepts connections.",
    source: authQuery,
    texts: [
      "(EAUTHQUERY) authentication query failed",
      "(EAUTHQUERY) auth_query connection failed",
      "(EAUTHQUERY) auth_query secret check timed out",
      "Authentication error, reason: <reason>"
    ]
  }),
  supavisor("EAUTHSECRETS", "pooler", databaseCoolDown, {
    title: "the pooler could not get the role's secret",
    explanation: "The code exists in the pooler's source; the examined versions do not raise it.",
    remedy: "Check whether the database runs; if it persists, report it with the pooler's message.",
    source: "Supavisor 2.9 source, lib/supavisor/errors",
    texts: ["(EAUTHSECRETS) failed to retrieve authentication secrets: <reason>"]
  }),
  supavisor("EJITREQUESTFAILED", "pooler", poolerPause, {
    title: "the pooler could not reach the service that verifies access tokens",
    explanation: "The login used a token, and the service that verifies it did not answer.",
    remedy: "Try again, or log in with a password.",
    source: "Supavisor 2.9 source, auth_methods/jit.ex",
    texts: ['(EJITREQUESTFAILED) failed to reach JIT provider for user "<role>"']
  }),
  supavisor("EJITUNAUTHORIZED", "auth", "never", {
    after: passwordPause,
    title: "the access token was refused",
    explanation: "The code is in the pooler's log only; the client gets an ordinary 28P01 without it.",
    remedy: "Get a new token, or log in with a password.",
    source: "Supavisor 2.9 source, errors/jit_unauthorized_error.ex",
    texts: ['(EJITUNAUTHORIZED) password authentication failed for user "<role>"']
  })
]
