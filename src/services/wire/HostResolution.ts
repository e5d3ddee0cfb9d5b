/** Names to addresses, with the family that the endpoint can be reached on. */
import * as Effect from "effect/Effect"
import * as Dns from "node:dns"
import * as Net from "node:net"

/** One address of a host. */
export interface Address {
  readonly address: string
  readonly family: number
}

/**
 * Resolves a host in the order the system prefers. `family` 4 asks for IPv4 alone: the shared pooler has no other
 * address, and a network that invents IPv6 ones (NAT64) would only send the dial astray. Fails with Node's DNS error.
 */
export const resolveHost = (host: string, family: 0 | 4): Effect.Effect<ReadonlyArray<Address>, unknown> => {
  const literal = Net.isIP(host)
  if (literal !== 0) return Effect.succeed([{ address: host, family: literal }])
  return Effect.callback<ReadonlyArray<Address>, unknown>((resume) => {
    Dns.lookup(host, { family, all: true }, (error, addresses) => {
      resume(error === null ? Effect.succeed(addresses) : Effect.fail(error))
    })
  })
}
