/** The route for each address family, and TCP to each address. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Address } from "../../wire/Transport.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult, timedOut } from "./DoctorContext.ts"
import { quantileOf } from "../../stats/Quantile.ts"
import { wordEndpoint, wordMillis } from "../../errors/Wording.ts"

/** Several attempts show whether times and failures are typical. */
const ATTEMPTS = 3

const firstOfEachFamily = (addresses: ReadonlyArray<Address>): ReadonlyArray<Address> =>
  [4, 6].flatMap((family) => addresses.filter((address) => address.family === family).slice(0, 1))

/** Looks up a route for each family and drops the addresses without one. */
export const checkRoute: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { connection, network, now } = context
  const started = now()
  const routes = yield* Effect.forEach(firstOfEachFamily(context.addresses), ({ address, family }) =>
    Effect.map(Effect.exit(network.route(address, family, connection.port)), (exit) => {
      const result = { component: `Route IPv${family}`, target: address, millis: now() - started }
      return { family, exit, result }
    })
  )
  const withRoute = new Set(routes.filter(({ exit }) => Exit.isSuccess(exit)).map(({ family }) => family))
  for (const { exit, family, result } of routes) {
    if (Exit.isSuccess(exit)) yield* emit({ ...result, status: "pass", details: `from ${exit.value}` })
    else if (withRoute.size > 0) {
      yield* emit({ ...result, status: "info", details: `no route; IPv${family === 4 ? 6 : 4} is used` })
    } else {
      const error = context.failure("tcp", started, Cause.squash(exit.cause))
      const only = routes.length === 1 && family === 6 ? "; the host has only IPv6 addresses" : ""
      yield* emit(failedResult(context, error, result, only))
    }
  }
  context.addresses = context.addresses.filter(({ family }) => withRoute.has(family))
})

/** Connects up to three times in sequence; stops at the first failure. */
const connectRepeatedly = Effect.fnUntraced(function* (context: DoctorContext, address: string) {
  const { connection, limitMillis, network, now } = context
  const started = now()
  const deadline = started + limitMillis
  const times: Array<number> = []
  let failure: unknown
  while (times.length < ATTEMPTS && failure === undefined) {
    const exit = yield* network.tcp(address, connection.port).pipe(
      Effect.timeoutOrElse({
        duration: Math.max(1, deadline - now()),
        orElse: () => Effect.fail<unknown>(timedOut(`no answer within ${wordMillis(limitMillis)}`))
      }),
      Effect.exit
    )
    if (Exit.isSuccess(exit)) times.push(exit.value)
    else failure = Cause.squash(exit.cause)
  }
  return { address, times, millis: now() - started, failure }
})

type TcpAttempts = Effect.Success<ReturnType<typeof connectRepeatedly>>

const formatTimes = (times: ReadonlyArray<number>): string =>
  `${times.length} of ${ATTEMPTS} connected: min ${wordMillis(Math.min(...times))}, median ${wordMillis(quantileOf(times, 0.5))}, ` +
  `max ${wordMillis(Math.max(...times))}`

/** A direct host refuses connections from an address that was banned after wrong passwords. */
const banHint = ({ connection: { kind } }: DoctorContext, code: string): string =>
  code === "ECONNREFUSED" && (kind === "direct" || kind === "dedicated-pooler")
    ? "; this host often refuses connections from an address that is banned for 30 minutes after wrong passwords"
    : ""

const toRawResult = (context: DoctorContext, attempts: TcpAttempts, others: number): RawResult => {
  const { address, failure, millis, times } = attempts
  const target = wordEndpoint(address, context.connection.port)
  if (failure === undefined) return { target, status: "pass", millis, details: formatTimes(times) }
  const error = context.failure("tcp", context.now(), failure)
  const result = failedResult(context, error, { target, millis }, banHint(context, error.code))
  if (times.length === 0 && others === 0) return result
  const some = times.length === 0 ? "another address of the host works" : `before that ${formatTimes(times)}`
  return { ...result, status: "warn", details: `${result.details}; ${some}` }
}

/** Connects to every address in parallel; the later checks use the first address that works. */
export const checkTcp: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const attempts = yield* Effect.forEach(context.addresses, ({ address }) => connectRepeatedly(context, address), {
    concurrency: "unbounded"
  })
  const working = attempts.filter(({ times }) => times.length > 0)
  context.reachableAddress = working[0]?.address
  for (const one of attempts) {
    yield* emit(toRawResult(context, one, working.filter((other) => other !== one).length))
  }
})
