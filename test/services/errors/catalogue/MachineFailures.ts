/** An error as Node.js makes it for a failed system call. */
export const system = (code: string, message = `it failed: ${code}`, syscall?: string): Error =>
  Object.assign(new Error(message), { code, errno: -1 }, syscall === undefined ? {} : { syscall })

/** Failures of names, routes, sockets and TLS, and the sentences of drivers, with their entries. */
export const machineFailures: ReadonlyArray<readonly [failure: unknown, code: string]> = [
  [system("ENOTFOUND", "getaddrinfo ENOTFOUND db.example.com", "getaddrinfo"), "DNS_NOT_FOUND"],
  [system("EAI_AGAIN", "getaddrinfo EAI_AGAIN db.example.com", "getaddrinfo"), "DNS_TEMPORARY"],
  [system("ENODATA"), "DNS_NO_ADDRESS"],
  [system("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1", "connect"), "ECONNREFUSED"],
  [system("ECONNRESET", "read ECONNRESET", "read"), "ECONNRESET"],
  [system("ETIMEDOUT"), "ETIMEDOUT"],
  [system("EPIPE", "write EPIPE", "write"), "EPIPE"],
  [system("EHOSTUNREACH"), "EHOSTUNREACH"],
  [system("ENETUNREACH"), "ENETUNREACH"],
  [system("EADDRNOTAVAIL"), "EADDRNOTAVAIL"],
  [system("EMFILE"), "EMFILE"],
  [system("EWHATEVER", "strange", "connect"), "SYSTEM_UNKNOWN"],
  [system("SELF_SIGNED_CERT_IN_CHAIN"), "TLS_UNTRUSTED_CHAIN"],
  [system("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "TLS_UNTRUSTED_CHAIN"],
  [system("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "TLS_UNTRUSTED_CHAIN"],
  [system("DEPTH_ZERO_SELF_SIGNED_CERT"), "TLS_SELF_SIGNED"],
  [system("CERT_HAS_EXPIRED"), "TLS_CERTIFICATE_EXPIRED"],
  [system("CERT_NOT_YET_VALID"), "TLS_CERTIFICATE_NOT_YET_VALID"],
  [system("ERR_TLS_CERT_ALTNAME_INVALID"), "TLS_NAME_MISMATCH"],
  [system("ERR_SSL_WRONG_VERSION_NUMBER"), "TLS_PROTOCOL"],
  [system("EPROTO"), "TLS_PROTOCOL"],
  [
    system("ECONNRESET", "Client network socket disconnected before secure TLS connection was established"),
    "TLS_CLOSED"
  ],
  [new Error("The server does not support TLS"), "TLS_NOT_OFFERED"],
  [new Error("Connection closed"), "CONNECTION_CLOSED"],
  [new Error("Connection closed unexpectedly"), "CONNECTION_CLOSED"],
  [new Error("Connection terminated unexpectedly"), "CONNECTION_CLOSED"],
  [new Error("Connection timed out"), "CONNECT_TIMEOUT"],
  [new Error("(ENOTFOUND) tenant/user postgres.x not found"), "ENOTFOUND"],
  [new Error("The server requested password authentication"), "PASSWORD_MISSING"],
  [system("SASL_SIGNATURE_MISMATCH"), "SCRAM_FAILED"],
  [new TypeError("undefined is not a function"), "UNKNOWN"],
  [undefined, "UNKNOWN"],
  ["Connection closed", "CONNECTION_CLOSED"]
]
