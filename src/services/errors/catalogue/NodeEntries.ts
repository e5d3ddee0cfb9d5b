import { type CatalogueEntry, defineFrom } from "./Entry.ts"
import { networkPause, passwordPause } from "./RetryPauses.ts"

const node = defineFrom("Node.js docs, errors, common system errors")

const routeRemedy =
  "Supabase's direct host db.REF.supabase.co has an IPv6 address only: on a network without IPv6 use the " +
  "session pooler. Otherwise check routes, VPN and firewall."

/** Errors of Node.js about names, routes and sockets, and the drivers' errors about a closed connection. */
export const nodeEntries: ReadonlyArray<CatalogueEntry> = [
  node("DNS_NOT_FOUND", "configuration", "never", {
    title: "the host name does not exist",
    explanation:
      "DNS has no address for the host, or none of the requested family: Supabase's direct hosts have IPv6 only. " +
      "(The pooler's own ENOTFOUND is a different error: there the pooler was reached.)",
    remedy:
      "Compare the host with the dashboard; for db.REF.supabase.co on a network without IPv6 use the session " +
      "pooler.",
    source: "Node.js docs, dns, error codes",
    matchers: { errno: ["ENOTFOUND"], texts: ["getaddrinfo ENOTFOUND <host>"] }
  }),
  node("DNS_NO_ADDRESS", "configuration", "never", {
    title: "the host name has no address of the requested family",
    explanation: "The name exists and has, for instance, an IPv6 address only.",
    remedy: routeRemedy,
    source: "Node.js docs, dns, error codes",
    matchers: { errno: ["ENODATA", "EAI_NODATA", "EAI_ADDRFAMILY", "EAI_NONAME"] }
  }),
  node("DNS_TEMPORARY", "network", networkPause, {
    title: "the name server does not answer at the moment",
    explanation: "The resolver failed temporarily: no network yet, or an overloaded name server.",
    remedy: "Check the machine's network and name servers if it persists.",
    source: "Node.js docs, dns, error codes",
    matchers: {
      errno: ["EAI_AGAIN", "EAI_FAIL", "ESERVFAIL", "EREFUSED", "ETIMEOUT"],
      texts: ["getaddrinfo EAI_AGAIN <host>"]
    }
  }),
  node("ECONNREFUSED", "network", networkPause, {
    title: "the connection was refused",
    explanation:
      "No process listens on the port. On Supabase's direct host it can also be a ban of this address after wrong " +
      "passwords, which lasts 30 minutes.",
    remedy:
      "Check host and port, and whether the server runs; after wrong passwords remove the network ban of the " +
      "project.",
    matchers: { errno: ["ECONNREFUSED"], texts: ["connect ECONNREFUSED <address>"] }
  }),
  node("ECONNRESET", "network", networkPause, {
    title: "the other side reset the connection",
    explanation: "A process was killed, or a load balancer or firewall dropped the connection.",
    remedy: "Try again; if idle sessions end this way, lower DB_KEEP_ALIVE below the idle limit of the network.",
    matchers: { errno: ["ECONNRESET", "ECONNABORTED"], texts: ["read ECONNRESET", "write ECONNRESET"] }
  }),
  node("EPIPE", "network", "now", {
    title: "the connection was already closed when data was written",
    explanation: "The other side had closed it; the last write did not arrive.",
    remedy: "Try again on another session.",
    matchers: { errno: ["EPIPE", "ERR_STREAM_WRITE_AFTER_END", "ERR_STREAM_DESTROYED", "ERR_STREAM_PREMATURE_CLOSE"] }
  }),
  node("ETIMEDOUT", "network", networkPause, {
    title: "the other side does not answer",
    explanation: "No reply to TCP: a firewall that drops packets, a machine that is off, or a dead route.",
    remedy: "Check host and port, then firewall and VPN.",
    matchers: {
      errno: ["ETIMEDOUT", "ERR_SOCKET_CONNECTION_TIMEOUT"],
      texts: ["connect ETIMEDOUT <address>", "read ETIMEDOUT"]
    }
  }),
  node("EHOSTUNREACH", "network", networkPause, {
    title: "there is no route to the host",
    explanation: "A router, or this machine, has no route to the address.",
    remedy: routeRemedy,
    matchers: { errno: ["EHOSTUNREACH", "EHOSTDOWN"] }
  }),
  node("ENETUNREACH", "network", networkPause, {
    title: "there is no route to the network",
    explanation: "This machine has no network of the address's family, usually no IPv6.",
    remedy: routeRemedy,
    matchers: { errno: ["ENETUNREACH", "ENETDOWN", "EAFNOSUPPORT"] }
  }),
  node("EADDRNOTAVAIL", "network", networkPause, {
    title: "this machine has no address or port left to connect from",
    explanation:
      "All local ports for that address are in use or waiting after a close, or the local address is not of this " +
      "machine.",
    remedy: "Keep sessions open instead of opening new ones; look for a loop that connects.",
    matchers: { errno: ["EADDRNOTAVAIL", "EADDRINUSE"] }
  }),
  node("EMFILE", "capacity", networkPause, {
    title: "this process or machine has no file descriptor left",
    explanation: "Every socket is a file descriptor, and the limit is reached.",
    remedy: "Look for connections or files that are not closed; raise the limit (ulimit -n).",
    matchers: { errno: ["EMFILE", "ENFILE"] }
  }),
  node("ENOBUFS", "capacity", networkPause, {
    title: "this machine lacks memory for sockets",
    explanation: "The operating system could not get buffers or memory for a connection.",
    remedy: "Open fewer connections, or give the machine more memory.",
    matchers: { errno: ["ENOBUFS", "ENOMEM"] }
  }),
  node("EACCES", "configuration", "never", {
    title: "this process may not connect there",
    explanation: "The operating system, a sandbox or a local firewall forbids the connection.",
    remedy: "Allow outgoing connections to the host and port.",
    matchers: { errno: ["EACCES", "EPERM", "ERR_ACCESS_DENIED"] }
  }),
  node("NO_SOCKET_FILE", "configuration", "never", {
    title: "the Unix socket does not exist",
    explanation: "No server has a socket for this port in that directory.",
    remedy: "Start the server, or correct directory and port of the socket.",
    matchers: { errno: ["ENOENT"] }
  }),
  node("BAD_ADDRESS", "configuration", "never", {
    title: "the host or port is not valid",
    explanation: "Node.js does not accept the host or port.",
    remedy: "Correct host and port in the connection string.",
    source: "Node.js docs, errors, Node.js error codes",
    matchers: {
      errno: ["ERR_SOCKET_BAD_PORT", "ERR_INVALID_IP_ADDRESS", "ERR_INVALID_URL", "ERR_INVALID_ARG_VALUE", "EBADNAME"]
    }
  }),
  node("PASSWORD_MISSING", "configuration", "never", {
    title: "the server requires a password and none is set",
    explanation: "The connection string has no password.",
    remedy: "Put the password into the connection string, percent-encoded.",
    source: "@effect/sql-pg 4.0 source, PgConnection.ts",
    matchers: { texts: ["The server requested password authentication", "No password configured"] }
  }),
  node("SCRAM_FAILED", "auth", "never", {
    after: passwordPause,
    title: "the password exchange failed",
    explanation:
      "Poolers before 2.6 reported a wrong password inside the SCRAM exchange, which drivers print in various " +
      "ways; a server that cannot prove that it has the password causes the same error.",
    remedy: "Correct the password. If it is right, check which server answers at that address.",
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
  node("AUTHENTICATION_UNSUPPORTED", "configuration", "never", {
    title: "the server requires an authentication method that the client does not support",
    explanation:
      "Passwords in SCRAM-SHA-256, MD5 and cleartext are supported; Kerberos, SSPI and channel binding alone are " +
      "not.",
    remedy:
      "Set password_encryption to scram-sha-256, give the role a new password, and use scram-sha-256 in pg_hba.conf.",
    source: "@effect/sql-pg 4.0 source, PgConnection.ts",
    matchers: { texts: ["Unsupported SASL mechanisms", "Authentication method <method> is not supported"] }
  }),
  node("CONNECT_TIMEOUT", "network", networkPause, {
    title: "the session was not ready within the connect timeout",
    explanation:
      "The limit covers everything from name resolution to the first answer; the phase shows where the time was " +
      "spent.",
    remedy: "Check the route to the host; raise DB_CONNECT_TIMEOUT if the network is only slow.",
    source: "@effect/sql-pg 4.0 source, PgConnection.ts",
    matchers: { errno: ["CONNECT_TIMEOUT"], texts: ["Connection timed out", "timeout expired", "connect timeout"] }
  }),
  node("CONNECTION_CLOSED", "network", networkPause, {
    title: "the other side closed the connection without a message",
    explanation:
      "A pooler that is redeployed or killed closes all sessions at once without a message; so does one that lost " +
      "its database connection without a reason from PostgreSQL.",
    remedy:
      "Try again; if single sessions end this way, look for an idle limit of the network and lower DB_KEEP_ALIVE.",
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
  node("PROTOCOL_DESYNC", "network", networkPause, {
    title: "the other side violated PostgreSQL's protocol",
    explanation:
      "The bytes are no protocol message, or not the expected one: a proxy changed them, or a byte was lost.",
    remedy: "Try again; if it persists, look for a proxy between here and the server.",
    source: "@effect/sql-pg 4.0 source, PgProtocol.ts",
    matchers: {
      texts: [
        "Unexpected <message> while idle",
        "Unexpected <message> during <phase>",
        "Unexpected <message> without an in-flight query",
        "Message length <n> is impossible",
        "A pipelined query completed out of order"
      ]
    }
  })
]
