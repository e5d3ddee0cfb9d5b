/** The faults of the chaos test. */
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { FaultMode, type FaultProxy, type ProxiedConnection } from "../../src/testing/FaultProxy.ts"
import type { FakeSupavisor } from "../../src/services/embedded/FakeSupavisor.ts"
import type { TestPostgres } from "../../src/testing/TestPostgres.ts"
import type { SeededRandom } from "./SeededRandom.ts"
import type { SessionCount } from "./SessionCount.ts"
import type { WallClock } from "./WallClock.ts"

export interface FaultTargets {
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

/** Faults of one group do not run at the same time, because they would cancel each other out. */
type FaultGroup = "network" | "server" | "size" | "login" | "clock" | "cancel" | undefined

interface Fault {
  readonly weight: number
  readonly group: FaultGroup
  /** Ends when the fault is over and its target is restored. */
  readonly inject: (targets: FaultTargets, random: SeededRandom) => Effect.Effect<void>
}

const WRONG = Redacted.make("not the password")

/** The pooler blocks an address after so many wrong passwords (Supavisor 2.9 source, circuit_breaker.ex). */
const BREAKER_FAILURES = 10

const HOUR_MILLIS = 3_600_000

const oneOf = ({ proxy }: FaultTargets, random: SeededRandom): ProxiedConnection | undefined =>
  random.pick(proxy.connections().filter((connection) => connection.isOpen))

const toOne =
  (act: (connection: ProxiedConnection, random: SeededRandom) => void): Fault["inject"] =>
  (targets, random) =>
    Effect.sync(() => {
      const connection = oneOf(targets, random)
      if (connection !== undefined) act(connection, random)
    })

/** Puts all connections, also new ones, in a mode for a while. */
const inMode =
  (mode: (random: SeededRandom) => FaultMode.FaultMode, min: number, max: number): Fault["inject"] =>
  ({ count, proxy }, random) =>
    Effect.suspend(() => {
      count.mode = mode(random)
      return proxy.setMode(count.mode)
    }).pipe(
      Effect.andThen(Effect.sleep(random.int(min, max))),
      Effect.ensuring(
        Effect.suspend(() => {
          count.mode = FaultMode.pass
          return proxy.setMode(FaultMode.pass)
        })
      )
    )

/** One login at the pooler with a wrong password, not through the proxy. */
const failLogin = ({ pooler }: FaultTargets): Effect.Effect<void> => {
  const url = new URL(Redacted.value(pooler.url()))
  url.password = Redacted.value(WRONG)
  return Effect.ignore(Effect.scoped(PgConnection.make({ url: Redacted.make(url.href), ssl: false })))
}

const terminate: Fault["inject"] = ({ database, postgres }, random) =>
  Effect.gen(function* () {
    const rows = yield* postgres.admin("select pid from pg_stat_activity where datname = $1 order by pid", [database])
    const pid = random.pick(rows)?.["pid"]
    if (pid !== undefined) yield* postgres.admin("select pg_terminate_backend($1)", [pid])
  }).pipe(Effect.ignore)

const restart: Fault["inject"] = ({ postgres }, random) =>
  (random.chance(0.5) ? postgres.restart : Effect.andThen(postgres.stop("immediate"), postgres.start)).pipe(
    Effect.orDie
  )

const full: Fault["inject"] = ({ pooler, poolSize }, random) =>
  Effect.andThen(pooler.setPoolSize(0), Effect.sleep(random.int(300, 2000))).pipe(
    Effect.ensuring(pooler.setPoolSize(poolSize))
  )

const wrongPassword: Fault["inject"] = (targets, random) =>
  Effect.gen(function* () {
    const { password, pooler, role } = targets
    yield* Effect.orDie(pooler.setPassword(role, Redacted.make("another password")))
    // The pooler keeps its verifier until a login fails.
    yield* failLogin(targets)
    yield* targets.proxy.cutAll("reset")
    yield* Effect.sleep(random.int(300, 1500))
    yield* Effect.orDie(pooler.setPassword(role, password))
  })

const breaker: Fault["inject"] = (targets, random) =>
  Effect.forEach(Array.from({ length: BREAKER_FAILURES }), () => failLogin(targets), {
    concurrency: "unbounded",
    discard: true
  }).pipe(Effect.andThen(Effect.sleep(random.int(300, 1500))), Effect.andThen(targets.pooler.resetBreakers))

const lateCancel: Fault["inject"] = ({ count }, random) =>
  Effect.sync(() => {
    count.cancelsAreLate = true
  }).pipe(
    Effect.andThen(Effect.sleep(random.int(500, 2000))),
    Effect.ensuring(
      Effect.sync(() => {
        count.cancelsAreLate = false
      })
    )
  )

const jump: Fault["inject"] = ({ clock }, random) =>
  Effect.acquireUseRelease(
    Effect.sync(() => clock.jump(random.int(-48, 48) * HOUR_MILLIS)),
    () => Effect.sleep(random.int(100, 1000)),
    () => Effect.sync(() => clock.jump(0))
  )

const blackhole = (random: SeededRandom): FaultMode.OpenConnectionMode =>
  FaultMode.blackhole({
    bytes: random.chance(0.5) ? "hold" : "drop",
    closes: random.chance(0.5) ? "swallow" : "forward"
  })

const slices = (random: SeededRandom): FaultMode.FaultMode => FaultMode.slice(random.int(1, 50))

/** Open sessions only: the pooler rejects a login that arrives in pieces (Supavisor 2.9 source). */
const sliced: Fault["inject"] = ({ proxy }, random) =>
  Effect.andThen(proxy.setMode(slices(random)), Effect.sleep(random.int(200, 1000))).pipe(
    Effect.ensuring(proxy.setMode(FaultMode.pass))
  )

/** The faults by name. Those that end the whole pool are rarer. */
export const faults = {
  "reset one": { weight: 24, group: undefined, inject: toOne((connection) => connection.reset()) },
  "reset all": { weight: 4, group: undefined, inject: ({ proxy }) => proxy.cutAll("reset") },
  "black hole": { weight: 4, group: "network", inject: inMode(blackhole, 1000, 5000) },
  "half open": {
    weight: 10,
    group: undefined,
    inject: toOne((connection) => connection.blackhole({ bytes: "drop" }))
  },
  slow: { weight: 4, group: "network", inject: inMode(() => FaultMode.delay({ toClientMillis: 500 }), 300, 1500) },
  refuse: { weight: 3, group: "network", inject: inMode(() => FaultMode.refuse, 200, 1500) },
  "terminate backend": { weight: 20, group: "server", inject: terminate },
  "PostgreSQL restart": { weight: 2, group: "server", inject: restart },
  drain: { weight: 4, group: undefined, inject: ({ pooler }) => pooler.drain },
  "bare close": { weight: 2, group: undefined, inject: ({ pooler }) => pooler.closeAll },
  "capacity 0": { weight: 4, group: "size", inject: full },
  "wrong password": { weight: 2, group: "login", inject: wrongPassword },
  breaker: { weight: 2, group: "login", inject: breaker },
  "late cancel": { weight: 4, group: "cancel", inject: lateCancel },
  slice: { weight: 5, group: "network", inject: sliced },
  "slice logins": { weight: 2, group: "login", inject: inMode(slices, 200, 1000) },
  "garbage frame": {
    weight: 8,
    group: undefined,
    inject: toOne((connection) => connection.setMode(FaultMode.garbage()))
  },
  "clock jump": { weight: 4, group: "clock", inject: jump }
} as const satisfies Readonly<Record<string, Fault>>

export type FaultName = keyof typeof faults

/** The faults that are allowed now, by weight. */
export const weightsOf = (isAllowed: (name: FaultName) => boolean): ReadonlyArray<readonly [FaultName, number]> =>
  (Object.keys(faults) as ReadonlyArray<FaultName>).filter(isAllowed).map((name) => [name, faults[name].weight])
