/** The way to the addresses: a route for each family, and TCP to each address. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Address } from "../../wire/Transport.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult, timedOut } from "./DoctorContext.ts"
import { quantile, wordAddress, formatMillis } from "./Format.ts"

/** Three tries tell a lucky one from a usual one, and cost nothing. */
const TRIES = 3

interface RouteLookup {
  readonly address: Address
  readonly exit: Exit.Exit<string, unknown>
  readonly millis: number
}

const firstOfEachFamily = (addresses: ReadonlyArray<Address>): ReadonlyArray<Address> =>
  [4, 6].flatMap((family) => addresses.filter((address) => address.family === family).slice(0, 1))

/** Looks for a route for each family, and drops the addresses that have none. */
export const checkRoute: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { connection, network, now } = context
    const began = now()
    const routes = yield* Effect.forEach(firstOfEachFamily(context.addresses), (address) =>
      Effect.map(Effect.exit(network.route(address.address, address.family, connection.port)), (exit): RouteLookup => ({
        address,
        exit,
        millis: now() - began
      }))
    )
    const withRoute = new Set(routes.filter(({ exit }) => Exit.isSuccess(exit)).map(({ address }) => address.family))
    for (const { address, exit, millis } of routes) {
      const component = `Route IPv${address.family}`
      const target = address.address
      if (Exit.isSuccess(exit)) {
        yield* emit({ component, target, status: "pass", millis, details: `from ${exit.value}` })
      } else if (withRoute.size > 0) {
        const details = `none from this machine; IPv${address.family === 4 ? 6 : 4} is used`
        yield* emit({ component, target, status: "info", millis, details })
      } else {
        const error = context.failure("tcp", began, Cause.squash(exit.cause))
        const only = routes.length === 1 && address.family === 6 ? "; the host has IPv6 addresses only" : ""
        yield* emit(failedResult(context, error, { component, target, millis }, only))
      }
    }
    context.addresses = context.addresses.filter(({ family }) => withRoute.has(family))
  })

interface TcpAttempts {
  readonly address: string
  readonly millis: number
  readonly times: ReadonlyArray<number>
  readonly failure: unknown
}

/** Up to three tries, one after the other; the first that fails is the last. */
const tryAddress = (context: DoctorContext, address: string): Effect.Effect<TcpAttempts> =>
  Effect.gen(function* () {
    const { connection, limitMillis, network, now } = context
    const began = now()
    const deadline = began + limitMillis
    const times: Array<number> = []
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const exit = yield* network.tcp(address, connection.port).pipe(
        Effect.timeoutOrElse({
          duration: Math.max(1, deadline - now()),
          orElse: () => Effect.fail<unknown>(timedOut(`no answer within ${formatMillis(limitMillis)}`))
        }),
        Effect.exit
      )
      if (Exit.isFailure(exit)) {
        return { address, times, millis: now() - began, failure: Cause.squash(exit.cause) }
      }
      times.push(exit.value)
    }
    return { address, times, millis: now() - began, failure: undefined }
  })

const formatTimes = (times: ReadonlyArray<number>): string =>
  `${times.length}/${TRIES}, min ${formatMillis(Math.min(...times))}, median ${formatMillis(quantile(times, 0.5))}, ` +
  `max ${formatMillis(Math.max(...times))}`

/** The hint of a direct host that refuses: the platform bans addresses after wrong passwords. */
const banHint = ({ connection: { kind } }: DoctorContext, code: string): string =>
  code === "ECONNREFUSED" && (kind === "direct" || kind === "dedicated-pooler")
    ? "; on this host a refusal is often a ban of this address after wrong passwords, which lasts 30 minutes"
    : ""

const findingOf = (context: DoctorContext, tried: TcpAttempts, others: number): RawResult => {
  const { address, failure, millis, times } = tried
  const target = wordAddress(address, context.connection.port)
  if (failure === undefined) return { target, status: "pass", millis, details: formatTimes(times) }
  const error = context.failure("tcp", context.now(), failure)
  const result = failedResult(context, error, { target, millis }, banHint(context, error.code))
  if (times.length === 0 && others === 0) return result
  const some = times.length === 0 ? "another address of the host works" : `then ${formatTimes(times)}`
  return { ...result, status: "warn", details: `${result.details}; ${some}` }
}

/** Connects to every address, all at the same time, and remembers the first that works. */
export const checkTcp: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const tried = yield* Effect.forEach(context.addresses, ({ address }) => tryAddress(context, address), {
      concurrency: "unbounded"
    })
    const working = tried.filter(({ times }) => times.length > 0)
    context.reachableAddress = working[0]?.address
    for (const one of tried) {
      yield* emit(findingOf(context, one, working.filter((other) => other !== one).length))
    }
  })
