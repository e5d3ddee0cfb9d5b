/** A TCP proxy on 127.0.0.1 that injects faults: refusals, silence, resets, delays, cuts, garbage. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Socket } from "node:net"
import { loopbackHost } from "../services/embedded/postgres/FreePort.ts"
import { type FaultMode, pass } from "./fault-proxy/FaultMode.ts"
import * as TcpListener from "../services/embedded/TcpListener.ts"
import { Watchers } from "../services/embedded/Watchers.ts"
import { ProxiedConnection } from "./fault-proxy/ProxiedConnection.ts"

export * as FaultMode from "./fault-proxy/FaultMode.ts"
export type { ProxiedConnection } from "./fault-proxy/ProxiedConnection.ts"

/** The proxy could not listen on 127.0.0.1. */
export class FaultProxyError extends Schema.TaggedError<FaultProxyError>()("FaultProxyError", {
  detail: Schema.String
}) {
  override get message(): string {
    return `The fault proxy cannot listen on ${loopbackHost}: ${this.detail}`
  }
}

export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** The first mode. Default: pass. */
  readonly mode?: FaultMode
  /** Called for each accepted connection before its first byte; a returned mode applies to this connection only. */
  readonly onAccept?: (connection: { readonly id: number }) => FaultMode | undefined
}

export interface FaultProxyShape {
  readonly host: string
  readonly port: number
  /** The same connection string, through this proxy. */
  readonly urlThrough: (url: Redacted.Redacted<string>) => Redacted.Redacted<string>
  /** Connections accepted since the start or the last `resetOpenCounters`. */
  readonly accepted: Effect.Effect<number>
  /** Open client connections: from accept until the client closes its side or the proxy cuts it. */
  readonly open: () => number
  /** The highest number of open client connections since the start or `resetOpenCounters`. */
  readonly maxOpen: () => number
  /** How many `when` and `afterServerBytes` modes have changed to their next mode. */
  readonly triggered: () => number
  /** Connections with at least one open socket, oldest first. */
  readonly connections: () => ReadonlyArray<ProxiedConnection>
  /** Sets the mode of new connections and, unless `existing` is false, of open ones. */
  readonly setMode: (mode: FaultMode, options?: { readonly existing?: boolean }) => Effect.Effect<void>
  /** Sets `accepted` and `triggered` to 0, and `maxOpen` to the open connections. */
  readonly resetOpenCounters: Effect.Effect<void>
  /** Cuts every open connection; new ones are still accepted. */
  readonly cutAll: (how: "reset" | "end") => Effect.Effect<void>
  /** Waits until that many client connections are open, or until the predicate holds for the number. */
  readonly awaitOpen: (expected: number | ((open: number) => boolean)) => Effect.Effect<void>
  /** Waits until at least that many connections were accepted. */
  readonly awaitAccepted: (atLeast: number) => Effect.Effect<void>
  /** Waits until at least that many triggers have fired. Default: 1. */
  readonly awaitTriggered: (atLeast?: number) => Effect.Effect<void>
}

const make = Effect.fnUntraced(function* (
  options: FaultProxyOptions
): Effect.fn.Return<FaultProxyShape, FaultProxyError, Scope.Scope> {
  const connections = new Set<ProxiedConnection>()
  const watchers = new Watchers()
  let mode = options.mode ?? pass
  let lastId = 0
  let accepted = 0
  let open = 0
  let maxOpen = 0
  let triggered = 0

  const onConnection = (socket: Socket) => {
    lastId += 1
    accepted += 1
    open += 1
    maxOpen = Math.max(maxOpen, open)
    const ownMode = options.onAccept?.({ id: lastId }) ?? mode
    const connection = new ProxiedConnection(lastId, socket, options.target, ownMode, {
      onClientClosed: () => {
        open -= 1
        watchers.changed()
      },
      onClosed: (closed) => {
        connections.delete(closed)
        watchers.changed()
      },
      onTriggered: () => {
        triggered += 1
        watchers.changed()
      }
    })
    connections.add(connection)
    watchers.changed()
  }

  const listener = yield* Effect.acquireRelease(
    Effect.mapError(TcpListener.make(onConnection), (error) => new FaultProxyError({ detail: error.message })),
    (listener) =>
      Effect.andThen(
        listener.close,
        Effect.suspend(() => {
          for (const connection of connections) connection.destroy()
          return watchers.until(() => connections.size === 0)
        })
      )
  )
  if (mode._tag === "Refuse") yield* listener.close

  return {
    host: loopbackHost,
    port: listener.port,
    urlThrough: (url) => {
      const through = new URL(Redacted.value(url))
      through.hostname = loopbackHost
      through.port = String(listener.port)
      return Redacted.make(through.href)
    },
    accepted: Effect.sync(() => accepted),
    open: () => open,
    maxOpen: () => maxOpen,
    triggered: () => triggered,
    connections: () => [...connections],
    setMode: (next, setOptions) =>
      Effect.suspend(() => {
        mode = next
        if (setOptions?.existing !== false) for (const connection of connections) connection.setMode(next)
        return next._tag === "Refuse" ? listener.close : Effect.orDie(listener.open)
      }),
    resetOpenCounters: Effect.sync(() => {
      accepted = 0
      triggered = 0
      maxOpen = open
    }),
    cutAll: (how) =>
      Effect.sync(() => {
        for (const connection of connections) connection[how]()
      }),
    awaitOpen: (expected) => watchers.until(() => (typeof expected === "number" ? open === expected : expected(open))),
    awaitAccepted: (atLeast) => watchers.until(() => accepted >= atLeast),
    awaitTriggered: (atLeast = 1) => watchers.until(() => triggered >= atLeast)
  }
})

/** A TCP proxy on a free port of 127.0.0.1, for tests of network faults. Its scope's end closes all sockets. */
export class FaultProxy extends Context.Service<FaultProxy, FaultProxyShape>()("effect-supavisor/FaultProxy") {
  /** Starts a proxy that runs while the scope is open. Fails when no port can be bound. */
  static readonly make = make

  static readonly layer = (options: FaultProxyOptions): Layer.Layer<FaultProxy, FaultProxyError> =>
    Layer.effect(FaultProxy, make(options))
}
