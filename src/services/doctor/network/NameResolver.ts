/** Who is asked for the addresses of a name: the system, as every session asks it, and the name servers themselves. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Dns from "node:dns"
import { type Address, resolveHost } from "../../wire/Transport.ts"

/** An IP version. */
export type Family = 4 | 6

/** How long one name server is waited for, in milliseconds, before it is asked again; libc's resolver waits 5 s. */
const SERVER_MILLIS = 1500

/** A lost datagram is normal; a second one in a row is a result. */
const TRIES = 2

/** Answers questions about names. Fails with Node's DNS errors. */
export interface NameResolverShape {
  /** The name servers, as `address` or `address:port`. */
  readonly servers: () => ReadonlyArray<string>
  /** The addresses of one family that the name servers know. */
  readonly query: (host: string, family: Family) => Effect.Effect<ReadonlyArray<string>, unknown>
  /** The addresses that a session would be opened at, in that order: hosts file and cache included. */
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

/** The system's own: its name servers for questions, `getaddrinfo` for look-ups. */
export const systemResolver: NameResolverShape = {
  servers: Dns.getServers,
  query: queryWith(undefined),
  lookup: (host) => resolveHost(host, 0)
}

/** Name servers of one's own choice, `address` or `address:port`; look-ups ask them too, IPv4 first. */
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

/** Whether a text names a server that can be asked: an address, with or without a port. */
export const isNameServer = (text: string): boolean => {
  try {
    new Dns.Resolver().setServers([text])
    return true
  } catch {
    return false
  }
}

/** The resolver of the network checks; the system's unless another one is provided. */
export const NameResolver = Context.Reference<NameResolverShape>("effect-supavisor/NameResolver", {
  defaultValue: () => systemResolver
})
