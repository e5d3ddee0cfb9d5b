/** The addresses of the host, from the name servers and from the system. */
import * as Effect from "effect/Effect"
import { factsOf } from "../../errors/catalogue/FailureFacts.ts"
import type { DnsAnswer, HostAddresses } from "../NetworkCheck.ts"
import type { Family } from "../network/NameResolver.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult, describeError } from "./DoctorContext.ts"
import { actionFor } from "./Actions.ts"

/** Node's code when no name server listens at the address. */
const REFUSED = "ECONNREFUSED"

const components: Readonly<Record<Family, string>> = { 4: "DNS A", 6: "DNS AAAA" }

/** The shared pooler has only IPv4 addresses, and the pool resolves no others (Transport.ts). */
const onlyIPv4 = ({ connection: { kind } }: DoctorContext): boolean =>
  kind === "session-pooler" || kind === "transaction-pooler"

/** Another code than ECONNREFUSED, which the catalogue explains as a refused database connection. */
const dnsFailure = (failure: unknown): unknown =>
  factsOf(failure).errno === REFUSED
    ? Object.assign(new Error("the name server refuses queries"), { code: "EREFUSED" })
    : failure

/** Whether a query failed for another reason than a missing record. */
const isFailed = ({ failure }: DnsAnswer): boolean => {
  const code = failure === undefined ? undefined : factsOf(failure).errno
  return code !== undefined && code !== "ENODATA" && code !== "ENOTFOUND"
}

const from = ({ servers }: HostAddresses): string =>
  servers.length === 0 ? "" : ` (from ${servers.slice(0, 2).join(", ")})`

const found = (context: DoctorContext, names: HostAddresses, family: Family): RawResult => {
  const record = names.records?.[family]
  const texts = context.addresses.filter((address) => address.family === family).map(({ address }) => address)
  const base = { component: components[family], target: context.connection.host, millis: names.lookup.millis }
  if (record === undefined) return { ...base, status: "pass", details: `${texts.join(", ")} (from this machine)` }
  if (record.addresses.length > 0) {
    return { ...base, status: "pass", millis: record.millis, details: `${texts.join(", ")}${from(names)}` }
  }
  const details = `${texts.join(", ")} (from this machine's hosts file or cache)`
  if (!isFailed(record)) return { ...base, status: "pass", details: `${details}; the name server has no record of it` }
  const why = describeError(context.failure("dns", context.now(), dnsFailure(record.failure)))
  return { ...base, status: "warn", details: `${details}; the query to its name server failed: ${why}` }
}

const missing = (context: DoctorContext, names: HostAddresses, family: Family): RawResult => {
  const record = names.records?.[family]
  const millis = record?.millis ?? names.lookup.millis
  const base = { component: components[family], target: context.connection.host, millis }
  if (family === 6 && onlyIPv4(context)) {
    const there = record?.addresses ?? []
    const details = there.length === 0 ? "none, and none needed" : `${there.join(", ")}; not used`
    return { ...base, status: "info", details: `${details}: sessions connect to the pooler over IPv4` }
  }
  if (family === 6 || context.addresses.length > 0) {
    const isUnknown = record !== undefined && isFailed(record)
    return { ...base, status: "info", details: isUnknown ? "unknown: the query to the name server failed" : "none" }
  }
  const cause = dnsFailure(names.lookup.failure ?? record?.failure ?? noData)
  return failedResult(context, context.failure("dns", context.now(), cause), base)
}

const noData = Object.assign(new Error("no address"), { code: "ENODATA" })

const disagreement = (context: DoctorContext, names: HostAddresses): RawResult | undefined => {
  const isKnown = Object.values(names.records ?? {}).some(({ addresses }) => addresses.length > 0)
  if (!isKnown || names.lookup.failure === undefined) return undefined
  const error = context.failure("dns", context.now(), names.lookup.failure)
  return {
    component: "DNS system",
    target: context.connection.host,
    status: "warn",
    millis: names.lookup.millis,
    details: `the name servers have addresses of the host; this machine's look-up, which sessions use, fails: ${describeError(error)}`,
    action: actionFor(error, context.connection)
  }
}

/** Resolves both families and keeps the addresses that sessions use. */
export const checkDns: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { connection, limitMillis, network } = context
  if (connection.host.startsWith("/")) {
    return yield* emit({ target: connection.host, status: "info", details: "a Unix socket: not resolved" })
  }
  const names = yield* network.addresses(connection.host, limitMillis)
  context.addresses = names.addresses.filter(({ family }) => family === 4 || !onlyIPv4(context))
  if (names.isLiteral) {
    return yield* emit({ target: connection.host, status: "info", details: "an IP address: not resolved" })
  }
  for (const family of [4, 6] as const) {
    const isThere = context.addresses.some((address) => address.family === family)
    yield* emit(isThere ? found(context, names, family) : missing(context, names, family))
  }
  const mismatch = disagreement(context, names)
  if (mismatch !== undefined && context.addresses.length > 0) yield* emit(mismatch)
})
