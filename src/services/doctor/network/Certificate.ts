/** Reads the certificate of a TLS socket. */
import * as Tls from "node:tls"

/** A server's certificate. */
export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** The subject alternative names without their kind, or the subject. */
  readonly names: ReadonlyArray<string>
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  /** The subjects of the chain that the server sent, its own first. */
  readonly chain: ReadonlyArray<string>
  /** Why the host is not one of the names; undefined when it is. */
  readonly nameProblem: string | undefined
}

/** Chains have two or three links; the limit ends a chain that loops. */
const LONGEST_CHAIN = 8

const nameOf = (subject: Tls.Certificate | undefined): string => {
  const name: unknown = subject?.CN ?? subject?.O
  return Array.isArray(name) ? name.join(" ") : typeof name === "string" && name !== "" ? name : "(no name)"
}

const chainOf = (certificate: Tls.DetailedPeerCertificate): ReadonlyArray<string> => {
  const chain: Array<string> = []
  let link: Tls.DetailedPeerCertificate | undefined = certificate
  while (link?.subject !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(nameOf(link.subject))
    link = link.issuerCertificate === link ? undefined : link.issuerCertificate
  }
  return chain
}

const namesIn = (certificate: Tls.DetailedPeerCertificate): ReadonlyArray<string> => {
  const listed = (certificate.subjectaltname ?? "").split(/,\s*/).filter((name) => name !== "")
  return listed.length === 0
    ? [nameOf(certificate.subject)]
    : listed.map((name) => name.replace(/^(?:DNS|IP Address|URI|email):/, ""))
}

/** The peer's certificate; undefined when it sent none. */
export const certificateOf = (socket: Tls.TLSSocket, host: string): CertificateFacts | undefined => {
  const certificate = socket.getPeerCertificate(true)
  // Node.js returns an empty object when there is none; its type does not say so.
  if ((certificate as Partial<Tls.DetailedPeerCertificate>).subject === undefined) return undefined
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    names: namesIn(certificate),
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    chain: chainOf(certificate),
    nameProblem: Tls.checkServerIdentity(host, certificate)?.message
  }
}
