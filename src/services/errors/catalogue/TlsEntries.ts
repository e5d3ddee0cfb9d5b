import { type CatalogueEntry, define, type Definition } from "./Entry.ts"
import { networkPause } from "./RetryPauses.ts"

const openssl = "Node.js docs, tls, X509 certificate error codes"

const tls = ({
  source = openssl,
  ...rest
}: Omit<Definition, "source"> & { readonly source?: string }): CatalogueEntry => define({ ...rest, source })

const trustRemedy =
  "Download the CA certificate (on Supabase: Database settings, SSL configuration) and name it in " +
  "DB_SSL_ROOT_CERT with DB_SSL_MODE=verify-full. Do not set NODE_TLS_REJECT_UNAUTHORIZED."

/** Failures of TLS, before a word of PostgreSQL was spoken. */
export const tlsEntries: ReadonlyArray<CatalogueEntry> = [
  tls({
    code: "TLS_UNTRUSTED_CHAIN",
    class: "configuration",
    retry: "never",
    title: "the server's certificate comes from an authority this machine does not know",
    explanation: "The chain ends in a private authority, as Supabase's does, and Node.js knows only the public ones.",
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
  tls({
    code: "TLS_SELF_SIGNED",
    class: "configuration",
    retry: "never",
    title: "the server's certificate vouches for itself",
    explanation:
      "The certificate is self-signed: a test server, a dedicated pooler, or something in between that reads along.",
    remedy: "Name that very certificate in DB_SSL_ROOT_CERT if the server is yours; otherwise find out who answers.",
    matchers: {
      errno: ["DEPTH_ZERO_SELF_SIGNED_CERT"],
      texts: ["self-signed certificate", "self signed certificate"]
    }
  }),
  tls({
    code: "TLS_CERTIFICATE_EXPIRED",
    class: "configuration",
    retry: "never",
    title: "the server's certificate has expired",
    explanation: "The certificate or one of its chain is past its last day, or this machine's clock is wrong.",
    remedy: "Compare the clock; then renew the server's certificate or the file in DB_SSL_ROOT_CERT.",
    matchers: { errno: ["CERT_HAS_EXPIRED"], texts: ["certificate has expired"] }
  }),
  tls({
    code: "TLS_CERTIFICATE_NOT_YET_VALID",
    class: "configuration",
    retry: "never",
    title: "the server's certificate is not valid yet",
    explanation: "Its first day is in the future; nearly always this machine's clock is wrong.",
    remedy: "Set the clock of this machine.",
    matchers: { errno: ["CERT_NOT_YET_VALID"], texts: ["certificate is not yet valid"] }
  }),
  tls({
    code: "TLS_CERTIFICATE_REVOKED",
    class: "configuration",
    retry: "never",
    title: "the server's certificate was revoked",
    explanation: "Its authority took it back.",
    remedy: "Renew the server's certificate.",
    matchers: { errno: ["CERT_REVOKED"], texts: ["certificate revoked"] }
  }),
  tls({
    code: "TLS_NAME_MISMATCH",
    class: "configuration",
    retry: "never",
    title: "the server's certificate is for another name",
    explanation:
      "Under verify-full the host of the connection string must be in the certificate; an IP address seldom is.",
    remedy: "Use the host name of the connection string from the dashboard, not an address or an alias.",
    source: "Node.js docs, errors, ERR_TLS_CERT_ALTNAME_INVALID",
    matchers: {
      errno: ["ERR_TLS_CERT_ALTNAME_INVALID", "HOSTNAME_MISMATCH"],
      texts: ["Hostname/IP does not match certificate's altnames"]
    }
  }),
  tls({
    code: "TLS_CERTIFICATE_INVALID",
    class: "configuration",
    retry: "never",
    title: "the server's certificate cannot be used",
    explanation: "Its signature, purpose, key or chain is not what TLS asks for.",
    remedy: "Look at the certificate with openssl s_client -starttls postgres, and at the file in DB_SSL_ROOT_CERT.",
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
  tls({
    code: "TLS_NOT_OFFERED",
    class: "configuration",
    retry: "never",
    title: "the server offers no TLS",
    explanation: "It answered N to the request for TLS, and under require or above there is no way back to plaintext.",
    remedy: "Switch TLS on at the server; DB_SSL_MODE=disable only for a server on this machine.",
    source: "PostgreSQL docs, protocol-flow, SSL session encryption",
    matchers: {
      texts: [
        "The server does not support TLS",
        "The server does not support SSL connections",
        "server does not support SSL, but SSL was required"
      ]
    }
  }),
  tls({
    code: "TLS_UNEXPECTED_REPLY",
    class: "configuration",
    retry: "never",
    title: "what answered is not PostgreSQL",
    explanation:
      "The request for TLS is answered with one byte, S or N; something else listens here, or a proxy changed it.",
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
  tls({
    code: "TLS_PROTOCOL",
    class: "configuration",
    retry: "never",
    title: "the two sides do not agree on TLS",
    explanation: "No common version or cipher, or the other side does not speak TLS on this port.",
    remedy: "Compare the port; update the older side; look for a proxy in between.",
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
  tls({
    code: "TLS_CLOSED",
    class: "network",
    retry: networkPause,
    title: "the connection closed during the TLS handshake",
    explanation: "The other side, or something in between, hung up before the handshake was done.",
    remedy: "Try again; if it persists, look for a firewall or proxy that stops TLS on this port.",
    source: "Node.js source, lib/_tls_wrap.js",
    matchers: {
      errno: ["ECONNRESET"],
      needsText: true,
      texts: ["Client network socket disconnected before secure TLS connection was established"]
    }
  })
]
