/** What is known about the addresses of a host, from the system and from the name servers, each with its time. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Net from "node:net"
import type { Address } from "../../wire/Transport.ts"
import type { Family, NameResolverShape } from "./NameResolver.ts"

/** One answer: addresses, or why there are none. */
export interface DnsAnswer {
  readonly addresses: ReadonlyArray<string>
  readonly failure: unknown
  readonly millis: number
}

/** Everything that is known about a name. */
export interface HostAddresses {
  /** The host is an address itself, so nobody was asked. */
  readonly isLiteral: boolean
  readonly servers: ReadonlyArray<string>
  /** The name servers' answers; undefined where they were not asked. */
  readonly records: Readonly<Record<Family, DnsAnswer>> | undefined
  /** What a session gets from the system. */
  readonly lookup: DnsAnswer
  /** The addresses to go on with: the system's, or where it has none those of the name servers. */
  readonly addresses: ReadonlyArray<Address>
}

/** Where the system knows the name, its name servers are only witnesses: they are waited for no longer than this. */
const RECORDS_MILLIS = 3000

const noAnswer = Object.assign(new Error("no answer from the name server"), { code: "ETIMEOUT" })

const answerOf = (
  ask: Effect.Effect<ReadonlyArray<string>, unknown>,
  limitMillis: number,
  now: () => number
): Effect.Effect<DnsAnswer> =>
  Effect.suspend(() => {
    const began = now()
    return ask.pipe(
      Effect.timeoutOrElse({ duration: limitMillis, orElse: () => Effect.fail<unknown>(noAnswer) }),
      Effect.exit,
      Effect.map((exit) => ({
        addresses: Exit.isSuccess(exit) ? exit.value : [],
        failure: Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause),
        millis: now() - began
      }))
    )
  })

const withFamily = (addresses: ReadonlyArray<string>): ReadonlyArray<Address> =>
  addresses.map((address) => ({ address, family: Net.isIP(address) }))

/** A name of this machine, which name servers are not asked for (RFC 6761). */
const isLocalName = (host: string): boolean => /^(?:.+\.)?localhost\.?$/i.test(host)

/** Asks the system and the name servers at the same time. Never fails; each answer is bounded by the limit. */
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
  const looked = answerOf(
    Effect.map(resolver.lookup(host), (found) => found.map(({ address }) => address)),
    limitMillis,
    now
  )
  if (isLocalName(host)) {
    const lookup = yield* looked
    return { isLiteral: false, servers: [], records: undefined, lookup, addresses: withFamily(lookup.addresses) }
  }
  const witness = Math.min(limitMillis, RECORDS_MILLIS)
  const [lookup, four, six] = yield* Effect.all(
    [looked, answerOf(resolver.query(host, 4), witness, now), answerOf(resolver.query(host, 6), witness, now)],
    { concurrency: "unbounded" }
  )
  const known = lookup.addresses.length > 0 ? lookup.addresses : [...four.addresses, ...six.addresses]
  return {
    isLiteral: false,
    servers: resolver.servers(),
    records: { 4: four, 6: six },
    lookup,
    addresses: withFamily(known)
  }
})
