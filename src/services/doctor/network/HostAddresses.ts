/** The addresses of a host, from the system and from the name servers, each with the time it took. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Net from "node:net"
import type { Address } from "../../wire/Transport.ts"
import type { Family, NameResolverShape } from "./NameResolver.ts"

/** The addresses of one look-up or query, or its failure. */
export interface DnsAnswer {
  readonly addresses: ReadonlyArray<string>
  readonly failure: unknown
  readonly millis: number
}

/** All addresses of a host. */
export interface HostAddresses {
  /** The host is an IP address, so it was not resolved. */
  readonly isLiteral: boolean
  readonly servers: ReadonlyArray<string>
  /** The name servers' answers; undefined if they were not queried. */
  readonly records: Readonly<Record<Family, DnsAnswer>> | undefined
  /** The system's look-up, which sessions use. */
  readonly lookup: DnsAnswer
  /** The addresses to check: the system's, or if it has none those of the name servers. */
  readonly addresses: ReadonlyArray<Address>
}

/** Limit of the queries for records, in milliseconds: sessions use the system's look-up, so these are a comparison. */
const RECORDS_MILLIS = 3000

const noAnswer = Object.assign(new Error("no answer from the name server"), { code: "ETIMEOUT" })

const answerOf = (
  resolve: Effect.Effect<ReadonlyArray<string>, unknown>,
  limitMillis: number,
  now: () => number
): Effect.Effect<DnsAnswer> =>
  Effect.suspend(() => {
    const started = now()
    return resolve.pipe(
      Effect.timeoutOrElse({ duration: limitMillis, orElse: () => Effect.fail<unknown>(noAnswer) }),
      Effect.exit,
      Effect.map((exit) => ({
        addresses: Exit.isSuccess(exit) ? exit.value : [],
        failure: Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause),
        millis: now() - started
      }))
    )
  })

const withFamily = (addresses: ReadonlyArray<string>): ReadonlyArray<Address> =>
  addresses.map((address) => ({ address, family: Net.isIP(address) }))

/** A name of this machine, which is not sent to name servers (RFC 6761). */
const isLocalName = (host: string): boolean => /^(?:.+\.)?localhost\.?$/i.test(host)

/** Asks the system and the name servers in parallel, each within the limit. Never fails. */
export const resolveAddresses = Effect.fnUntraced(function* (
  resolver: NameResolverShape,
  host: string,
  limitMillis: number,
  now: () => number
): Effect.fn.Return<HostAddresses> {
  if (Net.isIP(host) !== 0) {
    const lookup = { addresses: [host], failure: undefined, millis: 0 }
    return { isLiteral: true, servers: [], records: undefined, lookup, addresses: withFamily([host]) }
  }
  const systemLookup = answerOf(
    Effect.map(resolver.lookup(host), (found) => found.map(({ address }) => address)),
    limitMillis,
    now
  )
  if (isLocalName(host)) {
    const lookup = yield* systemLookup
    return { isLiteral: false, servers: [], records: undefined, lookup, addresses: withFamily(lookup.addresses) }
  }
  const limit = Math.min(limitMillis, RECORDS_MILLIS)
  const [lookup, four, six] = yield* Effect.all(
    [systemLookup, answerOf(resolver.query(host, 4), limit, now), answerOf(resolver.query(host, 6), limit, now)],
    { concurrency: "unbounded" }
  )
  const addresses = lookup.addresses.length > 0 ? lookup.addresses : [...four.addresses, ...six.addresses]
  return {
    isLiteral: false,
    servers: resolver.servers(),
    records: { 4: four, 6: six },
    lookup,
    addresses: withFamily(addresses)
  }
})
