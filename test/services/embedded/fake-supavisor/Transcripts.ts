/**
 * What a client of a real Supavisor saw, message by message: observed on a local Supavisor 2.9.7 in session mode with
 * pool_size 5, in front of PostgreSQL 15, without TLS, on 2026-11-22.
 *
 * One list is one TCP connection. Of an ErrorResponse the severity, SQLSTATE and text are kept, in the order in which
 * they were sent; of a ParameterStatus the name.
 */
type Transcript = ReadonlyArray<string>

const authenticated: Transcript = ["Authentication 10", "Authentication 11", "Authentication 12", "Authentication 0"]

/** The answer to every successful login, in this order. */
export const greeting: Transcript = [
  "ParameterStatus DateStyle",
  "ParameterStatus IntervalStyle",
  "ParameterStatus TimeZone",
  "ParameterStatus application_name",
  "ParameterStatus client_encoding",
  "ParameterStatus default_transaction_read_only",
  "ParameterStatus in_hot_standby",
  "ParameterStatus integer_datetimes",
  "ParameterStatus is_superuser",
  "ParameterStatus server_encoding",
  "ParameterStatus server_version",
  "ParameterStatus session_authorization",
  "ParameterStatus standard_conforming_strings",
  "BackendKeyData",
  "ReadyForQuery I"
]

const loggedIn: Transcript = [...authenticated, ...greeting]

const answered: Transcript = ["RowDescription", "DataRow", "CommandComplete SELECT 1", "ReadyForQuery I"]

const wrongPassword: Transcript = [
  "Authentication 10",
  "Authentication 11",
  'ErrorResponse C=28P01 M=password authentication failed for user "postgres" S=FATAL',
  "FIN"
]

const blocked: Transcript = [
  "ErrorResponse C=XX000 M=(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked S=FATAL",
  "FIN"
]

export const transcripts = {
  login: [[...loggedIn, "ParseComplete", "BindComplete", ...answered]],
  "wrong-password": [wrongPassword],
  "unknown-tenant": [
    ["ErrorResponse C=XX000 M=(ENOTFOUND) tenant/user postgres.zzzzzzzzzzzzzzzzzzzz not found S=FATAL", "FIN"]
  ],
  "no-tenant": [
    [
      "ErrorResponse C=XX000 M=(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required) S=FATAL",
      "FIN"
    ]
  ],
  "unknown-role": [
    ["Authentication 10", "ErrorResponse C=XX000 M=(EAUTHQUERY) user not found in the database S=FATAL", "FIN"]
  ],
  "missing-database": [
    [...authenticated, 'ErrorResponse C=3D000 M=database "nodb" does not exist S=FATAL V=FATAL', "FIN"]
  ],
  exhausted: [
    [...loggedIn],
    [...loggedIn],
    [...loggedIn],
    [...loggedIn],
    [...loggedIn],
    [
      "ErrorResponse C=XX000 M=(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 5 S=FATAL",
      "FIN"
    ]
  ],
  "terminated-idle": [
    [
      ...loggedIn,
      ...answered,
      "ErrorResponse S=FATAL V=FATAL C=57P01 M=terminating connection due to administrator command",
      "FIN"
    ]
  ],
  "terminated-busy": [
    [
      ...loggedIn,
      ...answered,
      "RowDescription",
      "ErrorResponse S=FATAL V=FATAL C=57P01 M=terminating connection due to administrator command",
      "FIN"
    ]
  ],
  "drain-idle": [
    [
      ...loggedIn,
      ...answered,
      "ErrorResponse C=57P01 M=terminating connection due to administrator command S=FATAL V=FATAL",
      "FIN"
    ]
  ],
  "drain-busy": [
    [
      ...loggedIn,
      ...answered,
      "ErrorResponse C=57P01 M=terminating connection due to administrator command S=FATAL V=FATAL",
      "FIN"
    ]
  ],
  "drain-long": [
    [...loggedIn, "ErrorResponse C=57P01 M=terminating connection due to administrator command S=FATAL V=FATAL", "FIN"]
  ],
  "leave-busy": [[...loggedIn], [...loggedIn]],
  cancel: [
    [
      ...loggedIn,
      "RowDescription",
      "ErrorResponse S=ERROR V=ERROR C=57014 M=canceling statement due to user request",
      "ReadyForQuery I"
    ],
    ["FIN"]
  ],
  "statement-timeout": [
    [
      ...loggedIn,
      "CommandComplete SET",
      "ReadyForQuery I",
      "RowDescription",
      "ErrorResponse S=ERROR V=ERROR C=57014 M=canceling statement due to statement timeout",
      "ReadyForQuery I",
      ...answered
    ]
  ],
  "idle-in-transaction": [
    [
      ...loggedIn,
      "CommandComplete SET",
      "ReadyForQuery I",
      "CommandComplete BEGIN",
      "ReadyForQuery T",
      "ErrorResponse S=FATAL V=FATAL C=25P03 M=terminating connection due to idle-in-transaction timeout",
      "FIN"
    ]
  ],
  listen: [
    [...loggedIn, "CommandComplete LISTEN", "ReadyForQuery I", "NotificationResponse ch"],
    [...loggedIn, "CommandComplete NOTIFY", "ReadyForQuery I"]
  ],
  heartbeat: [[...loggedIn, ...answered, "ParameterStatus application_name", "ParameterStatus application_name"]],
  // One wrong password had come before from the same address: the tenth blocks.
  breaker: [...Array.from({ length: 9 }, () => wrongPassword), ...Array.from({ length: 4 }, () => blocked)],
  "postgres-fast-stop": [
    [
      ...loggedIn,
      ...answered,
      "ErrorResponse S=FATAL V=FATAL C=57P01 M=terminating connection due to administrator command",
      "FIN"
    ],
    [
      ...loggedIn,
      "RowDescription",
      "ErrorResponse S=FATAL V=FATAL C=57P01 M=terminating connection due to administrator command",
      "FIN"
    ],
    [...authenticated, "ErrorResponse C=08006 M=Failed to connect to database: {:error, :econnrefused} S=FATAL", "FIN"],
    [...loggedIn]
  ],
  "pooler-sigterm": [
    [...loggedIn, ...answered, "FIN"],
    [...loggedIn, "FIN"]
  ],
  "pooler-sigkill": [
    [...loggedIn, ...answered, "FIN"],
    [...loggedIn, "FIN"]
  ]
} satisfies Readonly<Record<string, ReadonlyArray<Transcript>>>
