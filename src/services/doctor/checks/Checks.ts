/** The checks: what each does, what it depends on, and what each status of it means. */
import type { CheckStatus } from "./DoctorReport.ts"

/** One check as `--list-checks` and the documentation show it. */
export interface CheckDefinition {
  readonly component: string
  /** The checks that must have gone well before this one makes sense. */
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

/** What every check is about. */
export const checks: Readonly<Record<CheckId, CheckDefinition>> = {
  config: {
    component: "Config",
    needs: [],
    does: "Reads the settings and the connection string, and reports every problem at once.",
    statuses: {
      pass: "the settings can be used",
      info: "something was decided or accepted that is worth knowing",
      warn: "a setting works and will probably hurt",
      fail: "a setting cannot be used; nothing further is attempted and the exit code is 2"
    }
  },
  endpoint: {
    component: "Endpoint",
    needs: ["config"],
    does: "Tells from host, port and user name what is addressed: kind of host, mode by port, role, project. The cluster number in the host (aws-0, aws-1) is never guessed.",
    statuses: {
      pass: "the address fits the connection type",
      info: "a note about the address",
      warn: "the address works and may not do what is expected of it"
    }
  },
  dns: {
    component: "DNS",
    needs: ["endpoint"],
    does: "Asks the name servers for A and AAAA records and the system for what a session would get, each with its time.",
    statuses: {
      pass: "there are addresses",
      info: "no address of this family, and none is needed; or the host is an address itself",
      warn: "the name servers and the system disagree, or one of them is in trouble",
      fail: "no usable address"
    }
  },
  route: {
    component: "Route",
    needs: ["dns"],
    does: "Asks the kernel for a route to the first address of each family. Nothing is sent.",
    statuses: {
      pass: "there is a route",
      info: "there is none for this family, and another family is there",
      fail: "there is no route: for a host with IPv6 addresses only this is a network without IPv6"
    }
  },
  tcp: {
    component: "TCP",
    needs: ["route"],
    does: "Connects three times to each address and closes again: smallest, median and largest time.",
    statuses: {
      pass: "all three tries connected",
      warn: "some tries failed, or another address of the host works",
      fail: "no address of the host accepts connections"
    }
  },
  tls: {
    component: "TLS",
    needs: ["tcp"],
    does: "Shakes hands as a session would, reads version, chain, names and last day of the certificate, and says what DB_SSL_MODE verifies.",
    statuses: {
      pass: "encrypted and verified",
      info: "not asked for, on this machine",
      warn: "not verified, not encrypted, or the certificate ends within 30 days",
      fail: "the handshake fails, or the certificate is refused"
    }
  },
  login: {
    component: "Login",
    needs: ["tls"],
    does: "Logs in once and runs a first statement: a pooler lets clients in before it has a session for them. Tells the method, and whether a refusal came before or after AuthenticationOk.",
    statuses: {
      pass: "logged in and answered",
      warn: "logged in slowly, or with a password in clear text over plaintext",
      fail: "refused, or no answer"
    }
  },
  session: {
    component: "Session",
    needs: ["login"],
    does: "Proves the mode: while a second connection is inside a transaction, the first must keep its backend; then a setting, a prepared statement and a temporary table must outlive their transactions.",
    statuses: {
      pass: "what was asked for: a session that is kept, or transaction mode where that is configured",
      info: "better than configured",
      warn: "the session was kept, but no second connection was granted to make sure",
      fail: "the server is in transaction mode, or lost something that a session keeps"
    }
  },
  settings: {
    component: "Settings",
    needs: ["session"],
    does: "Applies the session's settings by SQL, as the pool does after each login, and reads them back.",
    statuses: {
      pass: "every setting took effect",
      info: "what the role or database sets by itself",
      fail: "a setting was refused or did not take effect"
    }
  },
  listen: {
    component: "Listen",
    needs: ["session"],
    does: "Listens on a channel of its own and notifies it, from the second connection where there is one.",
    statuses: {
      pass: "the notification arrived",
      info: "LISTEN is accepted, and there is no second session to notify from",
      fail: "it did not arrive"
    }
  },
  cancel: {
    component: "Cancel",
    needs: ["login"],
    does: "Starts a long statement, sends a CancelRequest, and looks whether that statement and no other was ended.",
    statuses: {
      pass: "the statement was cancelled",
      warn: "the cancel was not heard, or came late and hit the next statement"
    }
  },
  capacity: {
    component: "Capacity",
    needs: ["login"],
    does: "Compares DB_POOL_MAX with the pooler's pool size and max_connections, and lists who holds the connections by role and application_name. The pool size is learned from a refusal; --probe-capacity opens sessions until one is refused, 100 at most, and closes them.",
    statuses: {
      pass: "there is room",
      info: "the pool size is not known; who holds connections",
      warn: "nearly or exactly used up, or a transaction is forgotten open",
      fail: "DB_POOL_MAX is larger than what can be had"
    }
  },
  clock: {
    component: "Clock",
    needs: ["login"],
    does: "Compares this machine's clock with the server's, less half a round trip.",
    statuses: { pass: "they agree within two seconds", warn: "they do not: certificates, tokens and logs mislead" }
  },
  server: {
    component: "Server",
    needs: ["login"],
    does: "Reads the version, and whether the server takes writes.",
    statuses: {
      pass: "a version that gets fixes",
      warn: "a version without fixes, a standby, or a database in read-only mode"
    }
  },
  pooler: {
    component: "Pooler",
    needs: ["tcp"],
    does: "Asks Supavisor for its version by an HTTP GET on its port, in plaintext and without credentials. Not sent to PostgreSQL itself.",
    statuses: { pass: "it answered with its version", info: "it did not, or there is no pooler" }
  },
  latency: {
    component: "Latency",
    needs: ["login"],
    does: "Times 20 round trips of an empty statement: smallest, median and 95th percentile.",
    statuses: { pass: "below 100 ms", warn: "every statement takes at least 100 ms: the database is far away" }
  }
}

/** The check of that name; undefined when there is none. */
export const checkIdOf = (name: string): CheckId | undefined => checkIds.find((id) => id === name)

/** The checks asked for and all they depend on, in order. */
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
