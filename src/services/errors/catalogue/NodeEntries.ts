import { type CatalogueEntry, define, type Definition } from "./Entry.ts"
import { networkPause, passwordPause } from "./RetryPauses.ts"

const errnoDocs = "Node.js docs, errors, common system errors"

const node = ({
  source = errnoDocs,
  ...rest
}: Omit<Definition, "source"> & { readonly source?: string }): CatalogueEntry => define({ ...rest, source })

const routeRemedy =
  "Supabase's direct host db.REF.supabase.co has an IPv6 address only: on a network without IPv6 use the " +
  "session pooler. Otherwise look at routes, VPN and firewall."

/** What Node.js says about names, routes and sockets, and what drivers say when a peer just goes. */
export const nodeEntries: ReadonlyArray<CatalogueEntry> = [
  node({
    code: "DNS_NOT_FOUND",
    class: "configuration",
    retry: "never",
    title: "the host name does not exist",
    explanation:
      "DNS knows no address for the host, or none of the family asked for: Supabase's direct hosts have IPv6 only. " +
      "(The pooler's own ENOTFOUND is another thing: that one was reached.)",
    remedy:
      "Compare the host with the dashboard; for db.REF.supabase.co on a network without IPv6 use the session pooler.",
    source: "Node.js docs, dns, error codes",
    matchers: { errno: ["ENOTFOUND"], texts: ["getaddrinfo ENOTFOUND <host>"] }
  }),
  node({
    code: "DNS_NO_ADDRESS",
    class: "configuration",
    retry: "never",
    title: "the host name has no address of the family asked for",
    explanation: "The name exists and has, for instance, an IPv6 address only.",
    remedy: routeRemedy,
    source: "Node.js docs, dns, error codes",
    matchers: { errno: ["ENODATA", "EAI_NODATA", "EAI_ADDRFAMILY", "EAI_NONAME"] }
  }),
  node({
    code: "DNS_TEMPORARY",
    class: "network",
    retry: networkPause,
    title: "the name server does not answer at the moment",
    explanation: "The resolver failed for the moment: no network yet, or an overloaded name server.",
    remedy: "Look at the machine's network and name servers if it does not pass.",
    source: "Node.js docs, dns, error codes",
    matchers: {
      errno: ["EAI_AGAIN", "EAI_FAIL", "ESERVFAIL", "EREFUSED", "ETIMEOUT"],
      texts: ["getaddrinfo EAI_AGAIN <host>"]
    }
  }),
  node({
    code: "ECONNREFUSED",
    class: "network",
    retry: networkPause,
    title: "nothing accepts connections there",
    explanation:
      "The machine answered that nobody listens on the port. On Supabase's direct host it can be a ban of this " +
      "address after wrong passwords, which lasts 30 minutes.",
    remedy:
      "Compare host and port, and look whether the server runs; after wrong passwords lift the network ban of the " +
      "project.",
    matchers: { errno: ["ECONNREFUSED"], texts: ["connect ECONNREFUSED <address>"] }
  }),
  node({
    code: "ECONNRESET",
    class: "network",
    retry: networkPause,
    title: "the other side reset the connection",
    explanation: "A process was killed, or something in between (load balancer, firewall) dropped the connection.",
    remedy: "Try again; if idle sessions die this way, lower DB_KEEP_ALIVE below the idle limit of what is in between.",
    matchers: { errno: ["ECONNRESET", "ECONNABORTED"], texts: ["read ECONNRESET", "write ECONNRESET"] }
  }),
  node({
    code: "EPIPE",
    class: "network",
    retry: "now",
    title: "the connection was closed already when something was written",
    explanation: "The other side had closed; what was written last did not arrive.",
    remedy: "Try again on another session.",
    matchers: { errno: ["EPIPE", "ERR_STREAM_WRITE_AFTER_END", "ERR_STREAM_DESTROYED", "ERR_STREAM_PREMATURE_CLOSE"] }
  }),
  node({
    code: "ETIMEDOUT",
    class: "network",
    retry: networkPause,
    title: "the other side does not answer",
    explanation: "No reply to TCP: a firewall that drops silently, a machine that is off, or a dead route.",
    remedy: "Compare host and port, then look at firewall and VPN.",
    matchers: {
      errno: ["ETIMEDOUT", "ERR_SOCKET_CONNECTION_TIMEOUT"],
      texts: ["connect ETIMEDOUT <address>", "read ETIMEDOUT"]
    }
  }),
  node({
    code: "EHOSTUNREACH",
    class: "network",
    retry: networkPause,
    title: "there is no route to the host",
    explanation: "A router, or this machine, knows no way to the address.",
    remedy: routeRemedy,
    matchers: { errno: ["EHOSTUNREACH", "EHOSTDOWN"] }
  }),
  node({
    code: "ENETUNREACH",
    class: "network",
    retry: networkPause,
    title: "there is no route to the network",
    explanation: "This machine has no network of the address's family, usually no IPv6.",
    remedy: routeRemedy,
    matchers: { errno: ["ENETUNREACH", "ENETDOWN", "EAFNOSUPPORT"] }
  }),
  node({
    code: "EADDRNOTAVAIL",
    class: "network",
    retry: networkPause,
    title: "this machine has no address or port left to connect from",
    explanation:
      "All local ports towards that address are used or still waiting after a close, or the address is not of this " +
      "machine.",
    remedy: "Keep sessions instead of opening new ones; look for a loop that connects.",
    matchers: { errno: ["EADDRNOTAVAIL", "EADDRINUSE"] }
  }),
  node({
    code: "EMFILE",
    class: "capacity",
    retry: networkPause,
    title: "this process or machine has no file descriptor left",
    explanation: "Every socket is a file descriptor, and the limit is reached.",
    remedy: "Look for connections or files that are not closed; raise the limit (ulimit -n).",
    matchers: { errno: ["EMFILE", "ENFILE"] }
  }),
  node({
    code: "ENOBUFS",
    class: "capacity",
    retry: networkPause,
    title: "this machine lacks memory for sockets",
    explanation: "The operating system could not get buffers or memory for a connection.",
    remedy: "Open fewer connections, or give the machine more memory.",
    matchers: { errno: ["ENOBUFS", "ENOMEM"] }
  }),
  node({
    code: "EACCES",
    class: "configuration",
    retry: "never",
    title: "this process may not connect there",
    explanation: "The operating system, a sandbox or a local firewall forbids the connection.",
    remedy: "Allow outgoing connections to the host and port.",
    matchers: { errno: ["EACCES", "EPERM", "ERR_ACCESS_DENIED"] }
  }),
  node({
    code: "NO_SOCKET_FILE",
    class: "configuration",
    retry: "never",
    title: "the Unix socket does not exist",
    explanation: "No server made a socket in that directory.",
    remedy: "Start the server, or correct the socket's directory.",
    matchers: { errno: ["ENOENT"] }
  }),
  node({
    code: "BAD_ADDRESS",
    class: "configuration",
    retry: "never",
    title: "the host or port is not one",
    explanation: "Node.js does not take the host or port as written.",
    remedy: "Correct host and port in the connection string.",
    source: "Node.js docs, errors, Node.js error codes",
    matchers: {
      errno: ["ERR_SOCKET_BAD_PORT", "ERR_INVALID_IP_ADDRESS", "ERR_INVALID_URL", "ERR_INVALID_ARG_VALUE", "EBADNAME"]
    }
  }),
  node({
    code: "PASSWORD_MISSING",
    class: "configuration",
    retry: "never",
    title: "a password is asked for and none is set",
    explanation: "The server wants a password, and the connection string has none.",
    remedy: "Put the password into the connection string, percent-encoded.",
    source: "@effect/sql-pg 4.0 source, PgConnection.ts",
    matchers: { texts: ["The server requested password authentication", "No password configured"] }
  }),
  node({
    code: "SCRAM_FAILED",
    class: "auth",
    retry: "never",
    after: passwordPause,
    title: "the password exchange failed",
    explanation:
      "Poolers before 2.6 reported a wrong password inside the SCRAM exchange, which drivers print in many ways; a " +
      "server that does not prove that it knows the password gives the same picture.",
    remedy: "Correct the password. If it is right, find out who answers at that address.",
    source: "Supavisor 2.5 source, client_handler.ex; @effect/sql-pg 4.0 source, PgAuth.ts",
    matchers: {
      errno: ["SASL_SIGNATURE_MISMATCH"],
      texts: [
        "error received from server in SCRAM exchange: Wrong password",
        "Wrong password",
        "SASL_SIGNATURE_MISMATCH",
        "SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature is missing",
        "SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match",
        "SCRAM authentication failed",
        "SCRAM server signature mismatch",
        "The server completed authentication without proving its identity"
      ]
    }
  }),
  node({
    code: "AUTHENTICATION_UNSUPPORTED",
    class: "configuration",
    retry: "never",
    title: "the server wants an authentication method the client does not know",
    explanation:
      "Passwords in SCRAM-SHA-256, MD5 and cleartext are known; Kerberos, SSPI and channel binding alone are not.",
    remedy:
      "Set password_encryption to scram-sha-256, give the role a new password, and use scram-sha-256 in pg_hba.conf.",
    source: "@effect/sql-pg 4.0 source, PgConnection.ts",
    matchers: { texts: ["Unsupported SASL mechanisms", "Authentication method <method> is not supported"] }
  }),
  node({
    code: "CONNECT_TIMEOUT",
    class: "network",
    retry: networkPause,
    title: "the session was not ready within the connect timeout",
    explanation: "The bound covers everything from the name to the first answer; the phase says where the time went.",
    remedy: "Look at the route to the host; raise DB_CONNECT_TIMEOUT if the network is merely slow.",
    source: "@effect/sql-pg 4.0 source, PgConnection.ts",
    matchers: { errno: ["CONNECT_TIMEOUT"], texts: ["Connection timed out", "timeout expired", "connect timeout"] }
  }),
  node({
    code: "CONNECTION_CLOSED",
    class: "network",
    retry: networkPause,
    title: "the other side closed the connection without a word",
    explanation:
      "A pooler that is deployed anew or killed closes all sessions at once and says nothing; so does one that lost " +
      "its database connection without a reason from PostgreSQL.",
    remedy: "Try again; if single sessions die this way, look for an idle limit in between and lower DB_KEEP_ALIVE.",
    source: "Supavisor 2.9 source, client_handler.ex; observed on Supavisor 2.9.7",
    matchers: {
      errno: ["CONNECTION_CLOSED", "CONNECTION_ENDED", "CONNECTION_DESTROYED"],
      texts: [
        "Connection closed",
        "Connection is closed",
        "Connection terminated",
        "Connection ended unexpectedly",
        "Socket closed",
        "This socket has been ended by the other party"
      ]
    }
  }),
  node({
    code: "PROTOCOL_DESYNC",
    class: "network",
    retry: networkPause,
    title: "the other side sent something PostgreSQL does not send there",
    explanation:
      "The bytes are no message of the protocol, or not the one that was due: a proxy in between, a lost byte, or a " +
      "row larger than the client takes.",
    remedy: "Try again; if it persists with one statement, look for a row of many megabytes; otherwise for a proxy.",
    source: "@effect/sql-pg 4.0 source, PgProtocol.ts",
    matchers: {
      texts: [
        "Unexpected <message> while idle",
        "Unexpected <message> during <phase>",
        "Unexpected <message> without an in-flight query",
        "Message length <n> exceeds maxMessageSize <n>",
        "A pipelined query completed out of order"
      ]
    }
  })
]
