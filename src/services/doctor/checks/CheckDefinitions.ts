/** The list of checks: what each does, the checks it needs, and the meaning of each status. */
import type { CheckStatus } from "./DoctorReport.ts"

/** A check as `--list-checks` and the documentation describe it. */
export interface CheckDefinition {
  readonly component: string
  /** The checks that must not fail before this one runs. */
  readonly needs: ReadonlyArray<CheckId>
  readonly does: string
  readonly statuses: Partial<Record<Exclude<CheckStatus, "skip">, string>>
}

/** The checks in the order they run. */
export const checkIds = [
  "config",
  "endpoint",
  "dns",
  "route",
  "tcp",
  "tls",
  "login",
  "session",
  "settings",
  "listen",
  "cancel",
  "capacity",
  "clock",
  "server",
  "pooler",
  "latency"
] as const

/** The stable name of a check. */
export type CheckId = (typeof checkIds)[number]

/** The definition of every check. */
export const checks: Readonly<Record<CheckId, CheckDefinition>> = {
  config: {
    component: "Config",
    needs: [],
    does: "Reads the settings and the connection string, and reports every problem at once.",
    statuses: {
      pass: "the settings are valid",
      warn: "a setting is valid and likely to cause problems",
      fail: "a setting is invalid; no other check runs and the exit code is 2"
    }
  },
  endpoint: {
    component: "Endpoint",
    needs: ["config"],
    does: "Reads the kind of host, the mode by port, the role and the project from host, port and user name. The cluster number in the host (aws-0, aws-1) is never guessed.",
    statuses: {
      pass: "the address matches the connection type",
      info: "a note about the address",
      warn: "the address is valid and may not do what is expected"
    }
  },
  dns: {
    component: "DNS",
    needs: ["endpoint"],
    does: "Queries the name servers for A and AAAA records, and the system's resolver for the addresses that sessions use.",
    statuses: {
      pass: "the host has addresses",
      info: "no address of this family, and none is needed; or the host is an IP address",
      warn: "the name servers and the system disagree, or one of them fails",
      fail: "no usable address"
    }
  },
  route: {
    component: "Route",
    needs: ["dns"],
    does: "Looks up the kernel's route to the first address of each family. Sends no packet.",
    statuses: {
      pass: "a route exists",
      info: "no route for this family; the other family has one",
      fail: "no route; for a host with only IPv6 addresses, the network has no IPv6"
    }
  },
  tcp: {
    component: "TCP",
    needs: ["route"],
    does: "Connects three times to each address, closes again, and shows the minimum, median and maximum time.",
    statuses: {
      pass: "all three attempts connected",
      warn: "some attempts failed, or another address of the host works",
      fail: "no address of the host accepts connections"
    }
  },
  tls: {
    component: "TLS",
    needs: ["tcp"],
    does: "Makes the TLS handshake of a session; shows the TLS version, the certificate's names, chain and expiry date, and what DB_SSL_MODE verifies.",
    statuses: {
      pass: "encrypted and verified",
      info: "plaintext to a server on this machine",
      warn: "not verified, not encrypted, or the certificate expires within 30 days",
      fail: "the handshake failed, or the certificate was refused"
    }
  },
  login: {
    component: "Login",
    needs: ["tls"],
    does: "Logs in once and runs a statement, because a pooler accepts a login before it has a session for it. Shows the authentication method, and whether the login was refused before or after AuthenticationOk.",
    statuses: {
      pass: "logged in, and the statement was answered",
      warn: "slow login, or a clear-text password on an unencrypted connection",
      fail: "refused, or no answer"
    }
  },
  session: {
    component: "Session",
    needs: ["login"],
    does: "Tests for session mode: the first connection must keep its backend while a second connection is in a transaction; then a setting, a prepared statement and a temporary table must be kept after their transactions.",
    statuses: {
      pass: "session mode, or transaction mode where it is configured",
      info: "session mode although transaction mode is configured",
      warn: "the session was kept, but no second connection was available to confirm it",
      fail: "transaction mode, or the server lost a part of the session's state"
    }
  },
  settings: {
    component: "Settings",
    needs: ["session"],
    does: "Applies the session's settings with SQL, as the pool does after each login, and reads them back.",
    statuses: {
      pass: "every setting took effect",
      info: "the role's own statement_timeout differs",
      fail: "a setting was refused or had no effect"
    }
  },
  listen: {
    component: "Listen",
    needs: ["session"],
    does: "Listens on a channel and sends a notification to it from the second connection.",
    statuses: {
      pass: "the notification arrived",
      info: "LISTEN was accepted; there is no second connection to send from",
      fail: "the notification did not arrive"
    }
  },
  cancel: {
    component: "Cancel",
    needs: ["login"],
    does: "Starts a long statement, sends a CancelRequest, and verifies that it cancels this statement and not the next one.",
    statuses: {
      pass: "the statement was cancelled",
      warn: "the cancel had no effect, or it was late and cancelled the next statement"
    }
  },
  capacity: {
    component: "Capacity",
    needs: ["login"],
    does: "Compares DB_POOL_MAX with the pooler's pool size and max_connections, and counts the connections by role and application_name. The pool size is known only from a refused login; --probe-capacity opens sessions until one is refused, 100 at most, and closes them.",
    statuses: {
      pass: "connections are free",
      info: "the pool size is unknown; connections by role and application",
      warn: "nearly or completely in use, or a transaction was left open",
      fail: "DB_POOL_MAX exceeds a limit"
    }
  },
  clock: {
    component: "Clock",
    needs: ["login"],
    does: "Compares this machine's clock with the server's, corrected by half a round trip.",
    statuses: {
      pass: "the difference is below two seconds",
      warn: "the difference is larger: certificates and tokens may be refused, and log times do not match"
    }
  },
  server: {
    component: "Server",
    needs: ["login"],
    does: "Reads the server's version and whether it accepts writes.",
    statuses: {
      pass: "a supported version that accepts writes",
      warn: "an unsupported version, a standby, or a read-only database"
    }
  },
  pooler: {
    component: "Pooler",
    needs: ["tcp"],
    does: "Reads Supavisor's version with an HTTP GET to its port, in plaintext and without credentials. Not sent to PostgreSQL itself.",
    statuses: { pass: "the pooler answered with its version", info: "no version, or no pooler" }
  },
  latency: {
    component: "Latency",
    needs: ["login"],
    does: "Times 20 round trips of a trivial statement: minimum, median and 95th percentile.",
    statuses: { pass: "median below 100 ms", warn: "every statement takes at least 100 ms: the database is far away" }
  }
}

/** The check with a name; undefined when there is none. */
export const checkIdOf = (name: string): CheckId | undefined => checkIds.find((id) => id === name)

/** The given checks and all checks that they need, in order. */
export const withNeeds = (wanted: ReadonlyArray<CheckId>): ReadonlyArray<CheckId> => {
  const chosen = new Set<CheckId>()
  const add = (id: CheckId): void => {
    if (chosen.has(id)) return
    chosen.add(id)
    for (const need of checks[id].needs) add(need)
  }
  for (const id of wanted) add(id)
  return checkIds.filter((id) => chosen.has(id))
}
