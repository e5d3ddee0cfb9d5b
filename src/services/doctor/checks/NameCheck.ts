/** The addresses of the host: what the name servers say, and what a session would get. */
import * as Effect from "effect/Effect"
import { factsOf } from "../../errors/catalogue/FailureFacts.ts"
import type { Answer, Names } from "../NetworkCheck.ts"
import type { Family } from "../network/NameResolver.ts"
import { type Check, type Examination, failed, type Finding, wordFailure } from "./DoctorContext.ts"
import { actionFor } from "./Remedies.ts"

/** Node's word for a name server that refuses datagrams: nobody answers questions there. */
const REFUSED = "ECONNREFUSED"

const components: Readonly<Record<Family, string>> = { 4: "DNS A", 6: "DNS AAAA" }

/** The shared pooler has IPv4 addresses only, and the pool asks for no others (Transport.ts). */
const onlyIPv4 = ({ connection: { kind } }: Examination): boolean =>
  kind === "session-pooler" || kind === "transaction-pooler"

/** A refused datagram would read as a refused connection to the database. */
const dnsFailure = (failure: unknown): unknown =>
  factsOf(failure).errno === REFUSED
    ? Object.assign(new Error("the name server refuses questions"), { code: "EREFUSED" })
    : failure

/** A name server that knows the name and has no such record is in order. */
const isInTrouble = ({ failure }: Answer): boolean => {
  const code = failure === undefined ? undefined : factsOf(failure).errno
  return code !== undefined && code !== "ENODATA" && code !== "ENOTFOUND"
}

const from = ({ servers }: Names): string => (servers.length === 0 ? "" : ` (from ${servers.slice(0, 2).join(", ")})`)

const found = (examination: Examination, names: Names, family: Family): Finding => {
  const addresses = examination.addresses.filter((address) => address.family === family)
  const record = names.records?.[family]
  const texts = addresses.map(({ address }) => address).join(", ")
  const base = { component: components[family], target: examination.connection.host }
  const millis = record !== undefined && record.addresses.length > 0 ? record.millis : names.lookup.millis
  if (record === undefined || record.addresses.length > 0) {
    const source = record === undefined ? " (from this machine)" : from(names)
    return { ...base, status: "pass", millis, details: `${texts}${source}` }
  }
  const why = isInTrouble(record)
    ? `; its name server gives no answer: ${wordFailure(examination.failure("dns", examination.now(), dnsFailure(record.failure)))}`
    : "; the name server does not know it"
  return {
    ...base,
    status: isInTrouble(record) ? "warn" : "pass",
    millis,
    details: `${texts} (from this machine's hosts file or cache)${why}`
  }
}

const missing = (examination: Examination, names: Names, family: Family): Finding => {
  const record = names.records?.[family]
  const millis = record?.millis ?? names.lookup.millis
  const base = { component: components[family], target: examination.connection.host, millis }
  if (family === 6 && onlyIPv4(examination)) {
    const there = record?.addresses ?? []
    const details = there.length === 0 ? "none, and none is needed" : `${there.join(", ")}; not used`
    return { ...base, status: "info", details: `${details}: sessions go to the pooler over IPv4` }
  }
  if (family === 6 || examination.addresses.length > 0) {
    const isSilent = record !== undefined && isInTrouble(record)
    return { ...base, status: "info", details: isSilent ? "not known: the name server gives no answer" : "none" }
  }
  const cause = dnsFailure(names.lookup.failure ?? record?.failure ?? noData)
  return failed(examination, examination.failure("dns", examination.now(), cause), base)
}

const noData = Object.assign(new Error("no address"), { code: "ENODATA" })

const disagreement = (examination: Examination, names: Names): Finding | undefined => {
  const isKnown = names.records !== undefined && [4, 6].some((f) => names.records![f as Family].addresses.length > 0)
  if (!isKnown || names.lookup.failure === undefined) return undefined
  const error = examination.failure("dns", examination.now(), names.lookup.failure)
  return {
    component: "DNS system",
    target: examination.connection.host,
    status: "warn",
    millis: names.lookup.millis,
    details: `the name servers know the host and this machine's own look-up, which sessions use, does not: ${wordFailure(error)}`,
    action: actionFor(error, examination.connection)
  }
}

/** Asks for both families and keeps the addresses that a session would use. */
export const checkNames: Check = (examination, say) =>
  Effect.gen(function* () {
    const { connection, limitMillis, network } = examination
    const names = yield* network.names(connection.host, limitMillis)
    examination.addresses = names.addresses.filter(({ family }) => family === 4 || !onlyIPv4(examination))
    if (names.isLiteral) {
      return yield* say({ target: connection.host, status: "info", details: "an address: there is nothing to resolve" })
    }
    for (const family of [4, 6] as const) {
      const isThere = examination.addresses.some((address) => address.family === family)
      yield* say(isThere ? found(examination, names, family) : missing(examination, names, family))
    }
    const odd = disagreement(examination, names)
    if (odd !== undefined && examination.addresses.length > 0) yield* say(odd)
  })
