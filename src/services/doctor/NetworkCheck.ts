/**
 * Measures the network path to a server: DNS, route, TCP, TLS.
 *
 * It returns facts; `Doctor` judges them. It never logs in, and closes every socket that it opens.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { NameResolver, type HostAddresses, resolveAddresses } from "./network/NameResolver.ts"
import { foreignService, timeTcp, type TlsFacts, tlsFacts, routeTo } from "./network/Sockets.ts"
import type { Endpoint } from "../wire/Transport.ts"

export type { CertificateFacts } from "./network/Sockets.ts"
export { NameResolver, type NameResolverShape, resolverAt } from "./network/NameResolver.ts"
export type { DnsAnswer, HostAddresses } from "./network/NameResolver.ts"
export { type TlsFacts, unencrypted } from "./network/Sockets.ts"

/** Measures the network between this process and a server. */
export class NetworkCheck extends Context.Service<
  NetworkCheck,
  {
    /** The addresses of a host, from the system and from the name servers, within the limit in milliseconds. */
    readonly addresses: (host: string, limitMillis: number) => Effect.Effect<HostAddresses>
    /** The local address of the route to an address; fails with ENETUNREACH and the like. */
    readonly route: (address: string, family: number, port: number) => Effect.Effect<string, unknown>
    /** Milliseconds to open one TCP connection; fails with Node's error. Has no time limit of its own. */
    readonly tcp: (address: string, port: number) => Effect.Effect<number, unknown>
    /** The result of a TLS handshake. Never fails; has no time limit of its own. */
    readonly tls: (endpoint: Endpoint) => Effect.Effect<TlsFacts>
    /** What answers at an address in place of PostgreSQL; undefined when it is not recognized. At most 0.8 s. */
    readonly service: (address: string, port: number) => Effect.Effect<string | undefined>
  }
>()("effect-supavisor/NetworkCheck") {
  /** Uses this machine's sockets and the resolver of `NameResolver`. */
  static readonly layer: Layer.Layer<NetworkCheck> = Layer.effect(
    NetworkCheck,
    Effect.gen(function* () {
      const resolver = yield* NameResolver
      const now = monotonicMillis(yield* Clock.Clock)
      return {
        addresses: (host, limitMillis) => resolveAddresses(resolver, host, limitMillis, now),
        route: routeTo,
        tcp: (address, port) => timeTcp(address, port, now),
        tls: tlsFacts,
        service: foreignService
      }
    })
  )
}
