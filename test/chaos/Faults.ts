/** Everything that goes wrong, one fault at a time or several at once. */
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { FaultMode, type FaultProxy, type ProxiedConnection } from "../../src/testing/FaultProxy.ts"
import type { FakeSupavisor } from "../../src/services/embedded/FakeSupavisor.ts"
import type { TestPostgres } from "../../src/testing/TestPostgres.ts"
import type { Dice } from "./Dice.ts"
import type { SessionCount } from "./SessionCount.ts"
import type { WallClock } from "./WallClock.ts"

/** What faults are done to. */
export interface Victims {
  readonly proxy: FaultProxy["Service"]
  readonly count: SessionCount
  readonly pooler: FakeSupavisor["Service"]
  readonly postgres: TestPostgres["Service"]
  readonly database: string
  readonly clock: WallClock
  readonly role: string
  readonly password: Redacted.Redacted<string>
  readonly poolSize: number
}

/** Faults that would cancel each other out take turns: those of the network, of the server, and of the login. */
type Place = "network" | "server" | "size" | "login" | "clock" | "cancel" | undefined

interface Fault {
  readonly weight: number
  readonly place: Place
  /** Ends when the fault is over and its victim is as it was. */
  readonly strike: (victims: Victims, dice: Dice) => Effect.Effect<void>
}

const WRONG = Redacted.make("not the password")

/** The pooler blocks an address after so many wrong passwords (Supavisor 2.9 source, circuit_breaker.ex). */
const BREAKER_FAILURES = 10

const HOUR_MILLIS = 3_600_000

const oneOf = ({ proxy }: Victims, dice: Dice): ProxiedConnection | undefined =>
  dice.pick(proxy.connections().filter((connection) => connection.isOpen))

const toOne =
  (act: (connection: ProxiedConnection, dice: Dice) => void): Fault["strike"] =>
  (victims, dice) =>
    Effect.sync(() => {
      const connection = oneOf(victims, dice)
      if (connection !== undefined) act(connection, dice)
    })

/** Puts every connection, and those to come, in a mode for a while. */
const inMode =
  (mode: (dice: Dice) => FaultMode.FaultMode, least: number, most: number): Fault["strike"] =>
  ({ count, proxy }, dice) =>
    Effect.suspend(() => {
      count.mode = mode(dice)
      return proxy.setMode(count.mode)
    }).pipe(
      Effect.andThen(Effect.sleep(dice.int(least, most))),
      Effect.ensuring(
        Effect.suspend(() => {
          count.mode = FaultMode.pass
          return proxy.setMode(FaultMode.pass)
        })
      )
    )

/** One login at the pooler with a wrong password, past the proxy. */
const loginInVain = ({ pooler }: Victims): Effect.Effect<void> => {
  const url = new URL(Redacted.value(pooler.url()))
  url.password = Redacted.value(WRONG)
  return Effect.ignore(Effect.scoped(PgConnection.make({ url: Redacted.make(url.href), ssl: false })))
}

const terminate: Fault["strike"] = ({ database, postgres }, dice) =>
  Effect.gen(function* () {
    const rows = yield* postgres.admin("select pid from pg_stat_activity where datname = $1 order by pid", [database])
    const pid = dice.pick(rows)?.["pid"]
    if (pid !== undefined) yield* postgres.admin("select pg_terminate_backend($1)", [pid])
  }).pipe(Effect.ignore)

const restart: Fault["strike"] = ({ postgres }, dice) =>
  (dice.chance(0.5) ? postgres.restart : Effect.andThen(postgres.stop("immediate"), postgres.start)).pipe(Effect.orDie)

const full: Fault["strike"] = ({ pooler, poolSize }, dice) =>
  Effect.andThen(pooler.setPoolSize(0), Effect.sleep(dice.int(300, 2000))).pipe(
    Effect.ensuring(pooler.setPoolSize(poolSize))
  )

const wrongPassword: Fault["strike"] = (victims, dice) =>
  Effect.gen(function* () {
    const { password, pooler, role } = victims
    yield* Effect.orDie(pooler.setPassword(role, Redacted.make("another password")))
    // The pooler keeps the verifier it has until a login fails.
    yield* loginInVain(victims)
    yield* victims.proxy.cutAll("reset")
    yield* Effect.sleep(dice.int(300, 1500))
    yield* Effect.orDie(pooler.setPassword(role, password))
  })

const breaker: Fault["strike"] = (victims, dice) =>
  Effect.forEach(Array.from({ length: BREAKER_FAILURES }), () => loginInVain(victims), {
    concurrency: "unbounded",
    discard: true
  }).pipe(Effect.andThen(Effect.sleep(dice.int(300, 1500))), Effect.andThen(victims.pooler.resetBreakers))

const lateCancel: Fault["strike"] = ({ count }, dice) =>
  Effect.sync(() => {
    count.cancelsAreLate = true
  }).pipe(
    Effect.andThen(Effect.sleep(dice.int(500, 2000))),
    Effect.ensuring(
      Effect.sync(() => {
        count.cancelsAreLate = false
      })
    )
  )

const jump: Fault["strike"] = ({ clock }, dice) =>
  Effect.acquireUseRelease(
    Effect.sync(() => clock.jump(dice.int(-48, 48) * HOUR_MILLIS)),
    () => Effect.sleep(dice.int(100, 1000)),
    () => Effect.sync(() => clock.jump(0))
  )

const blackhole = (dice: Dice): FaultMode.ConnectionMode =>
  FaultMode.blackhole({
    bytes: dice.chance(0.5) ? "hold" : "drop",
    closes: dice.chance(0.5) ? "swallow" : "forward"
  })

const slices = (dice: Dice): FaultMode.FaultMode => FaultMode.slice(dice.int(1, 50))

/** Sessions that stand; the pooler takes a login that comes in pieces for a wrong one (Supavisor 2.9 source). */
const sliced: Fault["strike"] = ({ proxy }, dice) =>
  Effect.andThen(proxy.setMode(slices(dice)), Effect.sleep(dice.int(200, 1000))).pipe(
    Effect.ensuring(proxy.setMode(FaultMode.pass))
  )

/** The faults by name. Some take the whole pool away, and are rarer so that there is something to take. */
export const faults = {
  "reset one": { weight: 24, place: undefined, strike: toOne((connection) => connection.reset()) },
  "reset all": { weight: 4, place: undefined, strike: ({ proxy }) => proxy.cutAll("reset") },
  "black hole": { weight: 4, place: "network", strike: inMode(blackhole, 1000, 5000) },
  "half open": {
    weight: 10,
    place: undefined,
    strike: toOne((connection) => connection.blackhole({ bytes: "drop" }))
  },
  slow: { weight: 4, place: "network", strike: inMode(() => FaultMode.delay({ toClientMillis: 500 }), 300, 1500) },
  refuse: { weight: 3, place: "network", strike: inMode(() => FaultMode.refuse, 200, 1500) },
  "terminate backend": { weight: 20, place: "server", strike: terminate },
  "PostgreSQL restart": { weight: 2, place: "server", strike: restart },
  drain: { weight: 4, place: undefined, strike: ({ pooler }) => pooler.drain },
  "bare close": { weight: 2, place: undefined, strike: ({ pooler }) => pooler.closeAll },
  "capacity 0": { weight: 4, place: "size", strike: full },
  "wrong password": { weight: 2, place: "login", strike: wrongPassword },
  breaker: { weight: 2, place: "login", strike: breaker },
  "late cancel": { weight: 4, place: "cancel", strike: lateCancel },
  slice: { weight: 5, place: "network", strike: sliced },
  "slice logins": { weight: 2, place: "login", strike: inMode(slices, 200, 1000) },
  "garbage frame": {
    weight: 8,
    place: undefined,
    strike: toOne((connection) => connection.setMode(FaultMode.garbage()))
  },
  "clock jump": { weight: 4, place: "clock", strike: jump }
} as const satisfies Readonly<Record<string, Fault>>

export type FaultName = keyof typeof faults

/** The faults that a pool may meet now, by weight. */
export const weightsOf = (isMet: (name: FaultName) => boolean): ReadonlyArray<readonly [FaultName, number]> =>
  (Object.keys(faults) as ReadonlyArray<FaultName>).filter(isMet).map((name) => [name, faults[name].weight])
