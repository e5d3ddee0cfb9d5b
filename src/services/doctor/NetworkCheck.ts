/**
 * The way to a server, one stage after the other: name, route, TCP, TLS.
 *
 * Each look answers one question and says what it saw; what it means is for the reader (`Doctor`). Nothing here logs in
 * and nothing is kept: every socket is closed when its look ends.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { NameResolver } from "./network/NameResolver.ts"
import { type HostAddresses, resolveAddresses } from "./network/HostAddresses.ts"
import { timeTcp, type TlsFacts, tlsFacts, routeTo } from "./network/Sockets.ts"
import type { Endpoint } from "../wire/Transport.ts"

export type { CertificateFacts } from "./network/Certificate.ts"
export { NameResolver, type NameResolverShape, resolverAt, systemResolver } from "./network/NameResolver.ts"
export type { DnsAnswer, HostAddresses } from "./network/HostAddresses.ts"
export { type TlsFacts, unencrypted } from "./network/Sockets.ts"

/** Looks at the network between this process and a server. */
export class NetworkCheck extends Context.Service<
  NetworkCheck,
  {
    /** The addresses of a host, from the system and from the name servers; within the limit, in milliseconds. */
    readonly addresses: (host: string, limitMillis: number) => Effect.Effect<HostAddresses>
    /** The local address that packets to an address would leave from; fails with ENETUNREACH and the like. */
    readonly route: (address: string, family: number, port: number) => Effect.Effect<string, unknown>
    /** Milliseconds one TCP connection takes; fails with Node's error. Not bounded: the caller does that. */
    readonly tcp: (address: string, port: number) => Effect.Effect<number, unknown>
    /** What the server shows in TLS. Never fails; not bounded: the caller does that. */
    readonly tls: (endpoint: Endpoint) => Effect.Effect<TlsFacts>
  }
>()("effect-supavisor/NetworkCheck") {
  /** Looks with this machine's sockets, and with the resolver of `NameResolver`. */
  static readonly layer: Layer.Layer<NetworkCheck> = Layer.effect(
    NetworkCheck,
    Effect.gen(function* () {
      const resolver = yield* NameResolver
      const now = monotonicMillis(yield* Clock.Clock)
      return {
        addresses: (host, limitMillis) => resolveAddresses(resolver, host, limitMillis, now),
        route: routeTo,
        tcp: (address, port) => timeTcp(address, port, now),
        tls: tlsFacts
      }
    })
  )
}
