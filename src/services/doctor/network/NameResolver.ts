/** Resolves names with the system's resolver, as sessions do, and by queries to the name servers. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Dns from "node:dns"
import { type Address, resolveHost } from "../../wire/Transport.ts"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Net from "node:net"

/** An IP version. */
export type Family = 4 | 6

/** Timeout of one query to a name server, in milliseconds; libc's resolver waits 5 s. */
const SERVER_MILLIS = 1500

/** One lost datagram is normal; two in a row are a problem to report. */
const TRIES = 2

/** Resolves names. Fails with Node's DNS errors. */
export interface NameResolverShape {
  /** The name servers, as `address` or `address:port`. */
  readonly servers: () => ReadonlyArray<string>
  /** The A (4) or AAAA (6) records of a name. */
  readonly query: (host: string, family: Family) => Effect.Effect<ReadonlyArray<string>, unknown>
  /** The addresses that a session would try, in order: uses the hosts file and the system's cache. */
  readonly lookup: (host: string) => Effect.Effect<ReadonlyArray<Address>, unknown>
}

const queryWith =
  (servers: ReadonlyArray<string> | undefined): NameResolverShape["query"] =>
  (host, family) =>
    Effect.callback<ReadonlyArray<string>, unknown>((resume) => {
      const resolver = new Dns.Resolver({ timeout: SERVER_MILLIS, tries: TRIES })
      if (servers !== undefined) resolver.setServers(servers)
      const answer = (error: Error | null, addresses: ReadonlyArray<string>) =>
        resume(error === null ? Effect.succeed(addresses) : Effect.fail(error))
      if (family === 4) resolver.resolve4(host, answer)
      else resolver.resolve6(host, answer)
      return Effect.sync(() => resolver.cancel())
    })

/** Queries the system's name servers; looks names up with `getaddrinfo`. */
const systemResolver: NameResolverShape = {
  servers: Dns.getServers,
  query: queryWith(undefined),
  lookup: (host) => resolveHost(host, 0)
}

/** Queries the given name servers (`address` or `address:port`), also for look-ups, with IPv4 first. */
export const resolverAt = (servers: ReadonlyArray<string>): NameResolverShape => {
  const query = queryWith(servers)
  const addresses = (host: string, family: Family) =>
    Effect.map(query(host, family), (found) => found.map((address) => ({ address, family })))
  return {
    servers: () => servers,
    query,
    lookup: (host) =>
      Effect.flatMap(
        Effect.all([Effect.result(addresses(host, 4)), Effect.result(addresses(host, 6))], { concurrency: 2 }),
        ([four, six]) => {
          const found = [four, six].flatMap((result) => (result._tag === "Success" ? result.success : []))
          return found.length === 0 && four._tag === "Failure" ? Effect.fail(four.failure) : Effect.succeed(found)
        }
      )
  }
}

/** Whether a text is the address of a name server, with or without a port. */
export const isNameServer = (text: string): boolean => {
  try {
    new Dns.Resolver().setServers([text])
    return true
  } catch {
    return false
  }
}

/** The resolver of the network checks. Default: the system's. */
export const NameResolver = Context.Reference<NameResolverShape>("effect-supavisor/NameResolver", {
  defaultValue: () => systemResolver
})

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

/** Queries the system and the name servers in parallel, each within the limit. Never fails. */
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
