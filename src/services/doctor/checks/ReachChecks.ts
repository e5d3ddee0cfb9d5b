/** The way to the addresses: a route for each family, and TCP to each address. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Address } from "../../wire/Transport.ts"
import { type Check, type Examination, failed, type Finding, outOfTime } from "./DoctorContext.ts"
import { quantile, wordAddress, wordTime } from "./Wording.ts"

/** Three tries tell a lucky one from a usual one, and cost nothing. */
const TRIES = 3

interface Routed {
  readonly address: Address
  readonly exit: Exit.Exit<string, unknown>
  readonly millis: number
}

const firstOfEachFamily = (addresses: ReadonlyArray<Address>): ReadonlyArray<Address> =>
  [4, 6].flatMap((family) => addresses.filter((address) => address.family === family).slice(0, 1))

/** Looks for a route for each family, and drops the addresses that have none. */
export const checkRoute: Check = (examination, say) =>
  Effect.gen(function* () {
    const { connection, network, now } = examination
    const began = now()
    const routes = yield* Effect.forEach(firstOfEachFamily(examination.addresses), (address) =>
      Effect.map(Effect.exit(network.route(address.address, address.family, connection.port)), (exit): Routed => ({
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
        yield* say({ component, target, status: "pass", millis, details: `from ${exit.value}` })
      } else if (withRoute.size > 0) {
        const details = `none from this machine; IPv${address.family === 4 ? 6 : 4} is used`
        yield* say({ component, target, status: "info", millis, details })
      } else {
        const error = examination.failure("tcp", began, Cause.squash(exit.cause))
        const only = routes.length === 1 && address.family === 6 ? "; the host has IPv6 addresses only" : ""
        yield* say(failed(examination, error, { component, target, millis }, only))
      }
    }
    examination.addresses = examination.addresses.filter(({ family }) => withRoute.has(family))
  })

interface Tried {
  readonly address: string
  readonly millis: number
  readonly times: ReadonlyArray<number>
  readonly failure: unknown
}

/** Up to three tries, one after the other; the first that fails is the last. */
const tryAddress = (examination: Examination, address: string): Effect.Effect<Tried> =>
  Effect.gen(function* () {
    const { connection, limitMillis, network, now } = examination
    const began = now()
    const deadline = began + limitMillis
    const times: Array<number> = []
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const exit = yield* network.tcp(address, connection.port).pipe(
        Effect.timeoutOrElse({
          duration: Math.max(1, deadline - now()),
          orElse: () => Effect.fail<unknown>(outOfTime(`no answer within ${wordTime(limitMillis)}`))
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

const wordTimes = (times: ReadonlyArray<number>): string =>
  `${times.length}/${TRIES}, min ${wordTime(Math.min(...times))}, median ${wordTime(quantile(times, 0.5))}, ` +
  `max ${wordTime(Math.max(...times))}`

/** The hint of a direct host that refuses: the platform bans addresses after wrong passwords. */
const banHint = ({ connection: { kind } }: Examination, code: string): string =>
  code === "ECONNREFUSED" && (kind === "direct" || kind === "dedicated-pooler")
    ? "; on this host a refusal is often a ban of this address after wrong passwords, which lasts 30 minutes"
    : ""

const findingOf = (examination: Examination, tried: Tried, others: number): Finding => {
  const { address, failure, millis, times } = tried
  const target = wordAddress(address, examination.connection.port)
  if (failure === undefined) return { target, status: "pass", millis, details: wordTimes(times) }
  const error = examination.failure("tcp", examination.now(), failure)
  const finding = failed(examination, error, { target, millis }, banHint(examination, error.code))
  if (times.length === 0 && others === 0) return finding
  const some = times.length === 0 ? "another address of the host works" : `then ${wordTimes(times)}`
  return { ...finding, status: "warn", details: `${finding.details}; ${some}` }
}

/** Connects to every address, all at the same time, and remembers the first that works. */
export const checkTcp: Check = (examination, say) =>
  Effect.gen(function* () {
    const tried = yield* Effect.forEach(examination.addresses, ({ address }) => tryAddress(examination, address), {
      concurrency: "unbounded"
    })
    const working = tried.filter(({ times }) => times.length > 0)
    examination.reachable = working[0]?.address
    for (const one of tried) {
      yield* say(findingOf(examination, one, working.filter((other) => other !== one).length))
    }
  })
