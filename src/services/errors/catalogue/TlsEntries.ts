import { type CatalogueEntry, defineFrom } from "./Entry.ts"
import { networkPause } from "./RetryPauses.ts"

const tls = defineFrom("Node.js docs, tls, X509 certificate error codes")

const trustRemedy =
  "Download the CA certificate (on Supabase: Database settings, SSL configuration) and set " +
  "DB_SSL_ROOT_CERT to it with DB_SSL_MODE=verify-full. Do not set NODE_TLS_REJECT_UNAUTHORIZED."

/** Failures of TLS, before the first message of the PostgreSQL protocol. */
export const tlsEntries: ReadonlyArray<CatalogueEntry> = [
  tls("TLS_UNTRUSTED_CHAIN", "configuration", "never", {
    title: "the server's certificate comes from an unknown authority",
    explanation: "The chain ends in a private authority, as Supabase's does; Node.js trusts only the public ones.",
    remedy: trustRemedy,
    matchers: {
      errno: [
        "SELF_SIGNED_CERT_IN_CHAIN",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "UNABLE_TO_GET_ISSUER_CERT",
        "CERT_UNTRUSTED"
      ],
      texts: [
        "self-signed certificate in certificate chain",
        "self signed certificate in certificate chain",
        "unable to verify the first certificate",
        "unable to get local issuer certificate",
        "unable to get issuer certificate"
      ]
    }
  }),
  tls("TLS_SELF_SIGNED", "configuration", "never", {
    title: "the server's certificate is self-signed",
    explanation: "It belongs to a test server, a dedicated pooler, or an intercepting proxy.",
    remedy: "Set DB_SSL_ROOT_CERT to that certificate if the server is yours; otherwise find out which server answers.",
    matchers: { errno: ["DEPTH_ZERO_SELF_SIGNED_CERT"], texts: ["self-signed certificate", "self signed certificate"] }
  }),
  tls("TLS_CERTIFICATE_EXPIRED", "configuration", "never", {
    title: "the server's certificate has expired",
    explanation: "The certificate or one of its chain has expired, or this machine's clock is wrong.",
    remedy: "Check the clock; then renew the server's certificate or the file in DB_SSL_ROOT_CERT.",
    matchers: { errno: ["CERT_HAS_EXPIRED"], texts: ["certificate has expired"] }
  }),
  tls("TLS_CERTIFICATE_NOT_YET_VALID", "configuration", "never", {
    title: "the server's certificate is not valid yet",
    explanation: "Its first day is in the future; usually this machine's clock is wrong.",
    remedy: "Set the clock of this machine.",
    matchers: { errno: ["CERT_NOT_YET_VALID"], texts: ["certificate is not yet valid"] }
  }),
  tls("TLS_CERTIFICATE_REVOKED", "configuration", "never", {
    title: "the server's certificate was revoked",
    explanation: "Its authority revoked it.",
    remedy: "Renew the server's certificate.",
    matchers: { errno: ["CERT_REVOKED"], texts: ["certificate revoked"] }
  }),
  tls("TLS_NAME_MISMATCH", "configuration", "never", {
    title: "the server's certificate is for another name",
    explanation:
      "Under verify-full the certificate must name the host, or DB_SSL_SERVER_NAME where it is set; it seldom " +
      "names an IP address.",
    remedy:
      "Use the host name of the connection string from the dashboard instead of an address or an alias, or set " +
      "DB_SSL_SERVER_NAME.",
    source: "Node.js docs, errors, ERR_TLS_CERT_ALTNAME_INVALID",
    matchers: {
      errno: ["ERR_TLS_CERT_ALTNAME_INVALID", "HOSTNAME_MISMATCH"],
      texts: ["Hostname/IP does not match certificate's altnames"]
    }
  }),
  tls("TLS_CLIENT_CERTIFICATE", "configuration", "never", {
    title: "the client's certificate or key cannot be used",
    explanation:
      "The certificate and the private key do not belong together, one of them cannot be read, the passphrase is wrong, " +
      "or the server requires a certificate and got none.",
    remedy: "Check DB_SSL_CERT, DB_SSL_KEY and DB_SSL_KEY_PASSPHRASE.",
    source: "OpenSSL docs, error codes; Node.js docs, tls.createSecureContext",
    matchers: {
      errno: [
        "ERR_OSSL_X509_KEY_VALUES_MISMATCH",
        "ERR_OSSL_PEM_NO_START_LINE",
        "ERR_OSSL_PEM_BAD_END_LINE",
        "ERR_OSSL_PEM_BAD_BASE64_DECODE",
        "ERR_OSSL_BAD_DECRYPT",
        "ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED",
        "ERR_OSSL_UNSUPPORTED",
        "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"
      ]
    }
  }),
  tls("TLS_CERTIFICATE_INVALID", "configuration", "never", {
    title: "the server's certificate cannot be used",
    explanation: "Its signature, purpose, key or chain does not meet TLS's requirements.",
    remedy: "Check the certificate with openssl s_client -starttls postgres, and the file in DB_SSL_ROOT_CERT.",
    matchers: {
      errno: [
        "CERT_SIGNATURE_FAILURE",
        "CERT_CHAIN_TOO_LONG",
        "CERT_REJECTED",
        "INVALID_CA",
        "INVALID_PURPOSE",
        "PATH_LENGTH_EXCEEDED",
        "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
        "ERR_SSL_CERTIFICATE_VERIFY_FAILED"
      ]
    }
  }),
  tls("TLS_NOT_OFFERED", "configuration", "never", {
    title: "the server offers no TLS",
    explanation: "It answered N to the request for TLS; under require and above there is no fallback to plaintext.",
    remedy: "Enable TLS on the server; use DB_SSL_MODE=disable only for a server on this machine.",
    source: "PostgreSQL docs, protocol-flow, SSL session encryption",
    matchers: {
      texts: [
        "The server does not support TLS",
        "The server does not support SSL connections",
        "server does not support SSL, but SSL was required"
      ]
    }
  }),
  tls("TLS_UNEXPECTED_REPLY", "configuration", "never", {
    title: "the server that answered is not PostgreSQL",
    explanation:
      "The request for TLS is answered with one byte, S or N; another program listens here, or a proxy changed the " +
      "answer.",
    remedy: "Compare host and port with the connection string from the dashboard.",
    source: "PostgreSQL docs, protocol-flow, SSL session encryption",
    matchers: {
      texts: [
        "Received <n> bytes in response to SSLRequest",
        "Expected one ErrorResponse after SSLRequest",
        "There was an error establishing an SSL connection"
      ]
    }
  }),
  tls("TLS_PROTOCOL", "configuration", "never", {
    title: "client and server do not agree on TLS",
    explanation: "They have no common version or cipher, or the server does not use TLS on this port.",
    remedy: "Check the port; update the older side; look for a proxy.",
    source: "OpenSSL docs, SSL error codes",
    matchers: {
      errno: [
        "EPROTO",
        "ERR_SSL_WRONG_VERSION_NUMBER",
        "ERR_SSL_UNSUPPORTED_PROTOCOL",
        "ERR_SSL_NO_PROTOCOLS_AVAILABLE",
        "ERR_SSL_NO_SHARED_CIPHER",
        "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
        "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
        "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
        "ERR_SSL_PACKET_LENGTH_TOO_LONG",
        "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"
      ]
    }
  }),
  tls("TLS_CLOSED", "network", networkPause, {
    title: "the connection closed during the TLS handshake",
    explanation: "The other side, or a proxy, closed the connection before the handshake was complete.",
    remedy: "Try again; if it persists, look for a firewall or proxy that stops TLS on this port.",
    source: "Node.js source, lib/_tls_wrap.js",
    matchers: {
      errno: ["ECONNRESET"],
      needsText: true,
      texts: ["Client network socket disconnected before secure TLS connection was established"]
    }
  })
]
