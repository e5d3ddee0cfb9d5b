/** Every text of Supavisor from 2.0 to 2.9, with its entry. */
export const supavisorTexts: ReadonlyArray<readonly [text: string, code: string, sqlState?: string]> = [
  [
    "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15",
    "EMAXCONNSESSION"
  ],
  [
    "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
    "EMAXCONNSESSION"
  ],
  ["(EMAXCONN) max client connections reached, limit: 200", "EMAXCONN"],
  ["Max client connections reached", "EMAXCONN"],
  ["(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 60000ms in Session mode", "ECHECKOUTTIMEOUT"],
  [
    "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 1000ms in Transaction mode",
    "ECHECKOUTTIMEOUT"
  ],
  ["Unable to check out connection from the pool due to timeout", "ECHECKOUTTIMEOUT"],
  ["Unable to check out process from the pool due to timeout", "ECHECKOUTTIMEOUT"],
  ["(ECHECKOUTRETRIES) failed to check out a connection after multiple retries", "ECHECKOUTRETRIES"],
  ["(EPOOLCHECKOUT) pool checkout failed: {:noproc, {:gen_statem, :call}}", "EPOOLCHECKOUT"],
  ['(ECHECKOUTFAILED) checkout failed due to %{"C" => "53300"}', "ECHECKOUTFAILED"],
  ["Failed to connect to database: {:error, :econnrefused}", "POOLER_CANNOT_REACH_DATABASE", "08006"],
  [
    "Failed to connect to database: authentication did not complete within 15000ms",
    "POOLER_CANNOT_REACH_DATABASE",
    "08006"
  ],
  [
    "Authentication credentials are invalid. Please reconnect with fresh credentials to restore pool functionality.",
    "28P01_CREDENTIALS_INVALIDATED",
    "28P01"
  ],
  ['password authentication failed for user "postgres"', "28P01", "28P01"],
  ['(EWRONGPASSWORD) password authentication failed for user "postgres"', "28P01", "28P01"],
  ["error received from server in SCRAM exchange: Wrong password", "SCRAM_FAILED"],
  ["(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked", "ECIRCUITBREAKER"],
  [
    "(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts, new connections are " +
      "temporarily blocked",
    "ECIRCUITBREAKER_CREDENTIALS"
  ],
  [
    "(ECIRCUITBREAKER) too many failed attempts to connect to the database, new connections are temporarily blocked",
    "ECIRCUITBREAKER_DATABASE"
  ],
  ["Circuit breaker open: Too many authentication errors", "ECIRCUITBREAKER"],
  ["Circuit breaker open: Failed to retrieve database credentials", "ECIRCUITBREAKER_CREDENTIALS"],
  ["Circuit breaker open: Unable to establish connection to upstream database", "ECIRCUITBREAKER_DATABASE"],
  ["(EAUTHTIMEOUT) timeout while waiting for message", "EAUTHTIMEOUT", "08006"],
  ["connection failure during authentication", "EAUTHTIMEOUT", "08006"],
  ["(EAUTHPROTOCOL) protocol violation during authentication", "EAUTHPROTOCOL", "08P01"],
  ["protocol violation during authentication", "EAUTHPROTOCOL", "08P01"],
  ["(EAUTHQUERY) no auth_query configured for this tenant", "EAUTHQUERY_SECRET"],
  ["(EAUTHQUERY) authentication query failed", "EAUTHQUERY"],
  ["(EAUTHQUERY) authentication query failed: connection to database not available", "EAUTHQUERY"],
  ["(EAUTHQUERY) user not found in the database", "EAUTHQUERY_USER"],
  ["(EAUTHQUERY) authentication query returned wrong format", "EAUTHQUERY_SECRET"],
  ["(EAUTHQUERY) unsupported or invalid secret format", "EAUTHQUERY_SECRET"],
  ["(EAUTHQUERY) failed to parse SCRAM secret", "EAUTHQUERY_SECRET"],
  ["(EAUTHQUERY) MD5 secrets are not supported for auth_query, use require_user instead", "EAUTHQUERY_SECRET"],
  ["(EAUTHQUERY) auth_query connection failed: timeout", "EAUTHQUERY"],
  ["(EAUTHQUERY) auth_query secret check timed out", "EAUTHQUERY"],
  ["Authentication error, reason: :timeout", "EAUTHQUERY"],
  ["There is no user 'agent' in the database", "EAUTHQUERY_USER"],
  ["(ENOTFOUND) tenant/user postgres.abcdefghijklmnopqrst not found", "ENOTFOUND"],
  ["Tenant or user not found", "ENOTFOUND"],
  ["(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)", "ENOIDENTIFIER"],
  ["(EMULTIPLEUSERS) multiple users matched for postgres.ref, check tenant configuration", "EMULTIPLEUSERS"],
  ['(EINVALIDUSERINFO) Authentication error, reason: "Invalid format for user or db_name"', "EINVALIDUSERINFO"],
  ['Authentication error, reason: "Invalid format for user or db_name"', "EINVALIDUSERINFO"],
  ["(EBANNED) tenant is banned: abuse", "EBANNED"],
  ["(EADDRNOTALLOWED) address not in tenant allow_list: {192, 0, 2, 7}", "EADDRNOTALLOWED"],
  ["Address not in tenant allow_list: {192, 0, 2, 7}", "EADDRNOTALLOWED"],
  ["(ESSLREQUIRED) SSL connection is required for user: postgres", "ESSLREQUIRED"],
  ["SSL connection is required", "ESSLREQUIRED"],
  ["(ESSLHANDSHAKE) SSL handshake failed: {:tls_alert, :unknown_ca}", "ESSLHANDSHAKE", "08006"],
  ["(ESTARTUPMESSAGE) Invalid startup message: :bad_startup_payload", "ESTARTUPMESSAGE", "08P01"],
  ["(ESTARTUPMESSAGE) Invalid startup message: :missing_user", "ESTARTUPMESSAGE", "08P01"],
  ["(ESTARTUPPACKETTOOLARGE) Startup packet too large: 1800 bytes (max 1024 bytes)", "ESTARTUPPACKETTOOLARGE", "08P01"],
  ["Startup packet too large", "ESTARTUPPACKETTOOLARGE", "08P01"],
  ["(EMAXPOOLSREACHED) max pools count reached", "EMAXPOOLSREACHED"],
  ["Max pools count reached", "EMAXPOOLSREACHED"],
  ["(ESUBSCRIBERETRIES) failed to subscribe to tenant after multiple retries. Terminating", "ESUBSCRIBERETRIES"],
  ["Failed to subscribe to tenant after multiple retries. Terminating.", "ESUBSCRIBERETRIES"],
  ["(EPOOLTERMINATING) pool terminating: shutdown", "EPOOLTERMINATING"],
  ["(EDBHANDLEREXITED) DbHandler exited. Check logs for more information", "EDBHANDLEREXITED"],
  ["(EDBHANDLEREXITED) connection to database closed. Check logs for more information", "EDBHANDLEREXITED"],
  ["DbHandler exited", "EDBHANDLEREXITED"],
  ["Connection to database closed. Check logs for more information", "EDBHANDLEREXITED"],
  ["connection to database closed", "EDBHANDLEREXITED"],
  ["{:shutdown, :client_termination}", "EDBHANDLEREXITED"],
  ["(EPROXYSTARTFAILED) failed to start proxy connection", "EPROXYSTARTFAILED"],
  ["Failed to start proxy connection. Check logs for more information", "EPROXYSTARTFAILED"],
  ["(EPROXYSUPERVISORUNAVAILABLE) proxy supervisor unavailable after retries", "EPROXYSUPERVISORUNAVAILABLE"],
  ["Proxy supervisor unavailable", "EPROXYSUPERVISORUNAVAILABLE"],
  ["Internal error (handshake): :no_auth_config", "POOLER_INTERNAL"],
  ['(EJITREQUESTFAILED) failed to reach JIT provider for user "postgres"', "EJITREQUESTFAILED"],
  ['(EPREPAREDDUP) prepared statement "x" already exists', "EPREPAREDDUP", "42P05"],
  ['(EPREPAREDNOTFOUND) prepared statement "x" does not exist', "EPREPAREDNOTFOUND", "26000"],
  ["(EMAXPREPARED) max prepared statements limit reached. Limit: 100 per connection", "EMAXPREPARED"],
  ["(EMAXPREPAREDMEM) max prepared statements memory limit reached. Limit: 1.0MB per connection", "EMAXPREPAREDMEM"],
  [
    "(EPSSIMPLEQUERY) transaction mode only supports prepared statements using the Extended Query Protocol",
    "EPSSIMPLEQUERY"
  ],
  ["(ECLIENTSOCKETCLOSED) client socket closed", "ECLIENTSOCKETCLOSED"],
  ["(EAUTHSECRETS) failed to retrieve authentication secrets: :timeout", "EAUTHSECRETS"],
  ['(EJITUNAUTHORIZED) password authentication failed for user "postgres"', "EJITUNAUTHORIZED", "28P01"],
  ["(EWORKERNOTFOUND) worker not found", "EWORKERNOTFOUND"],
  ["(EPOOLCONFIGNOTFOUND) pool config not found", "EPOOLCONFIGNOTFOUND"],
  ["(EPOOLRANCHNOTFOUND) pool ranch not found", "EPOOLRANCHNOTFOUND"],
  ["(EFUTURECODE) something new", "POOLER_UNKNOWN"]
]

/** What Supavisor 2.9.7 in front of PostgreSQL 15 sent on 2026-11-22, and whether AuthenticationOk came before. */
export const recordedAnswers: ReadonlyArray<readonly [{ S: string; C: string; M: string }, boolean, string]> = [
  [{ S: "FATAL", C: "28P01", M: 'password authentication failed for user "postgres"' }, false, "28P01"],
  [
    { S: "FATAL", C: "XX000", M: "(ENOTFOUND) tenant/user postgres.zzzzzzzzzzzzzzzzzzzz not found" },
    false,
    "ENOTFOUND"
  ],
  [
    {
      S: "FATAL",
      C: "XX000",
      M: "(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)"
    },
    false,
    "ENOIDENTIFIER"
  ],
  [{ S: "FATAL", C: "XX000", M: "(EAUTHQUERY) user not found in the database" }, false, "EAUTHQUERY_USER"],
  [{ S: "FATAL", C: "3D000", M: 'database "nodb" does not exist' }, true, "3D000"],
  [
    {
      S: "FATAL",
      C: "XX000",
      M: "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 5"
    },
    false,
    "EMAXCONNSESSION"
  ],
  [{ S: "FATAL", C: "57P01", M: "terminating connection due to administrator command" }, true, "57P01"],
  [{ S: "ERROR", C: "57014", M: "canceling statement due to user request" }, true, "57014_CANCEL"],
  [{ S: "ERROR", C: "57014", M: "canceling statement due to statement timeout" }, true, "57014_STATEMENT_TIMEOUT"],
  [{ S: "FATAL", C: "25P03", M: "terminating connection due to idle-in-transaction timeout" }, true, "25P03"],
  [
    {
      S: "FATAL",
      C: "XX000",
      M: "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked"
    },
    false,
    "ECIRCUITBREAKER"
  ],
  [
    { S: "FATAL", C: "08006", M: "Failed to connect to database: {:error, :econnrefused}" },
    true,
    "POOLER_CANNOT_REACH_DATABASE"
  ]
]
