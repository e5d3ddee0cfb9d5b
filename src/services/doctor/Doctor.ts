/**
 * Explains why a connection does not work, or what about it will hurt: one check after the other, from the settings to
 * the last round trip, each with what to do about it.
 *
 * The command `effect-supavisor doctor` prints what this service finds; an application can ask it in-process. It opens
 * at most two sessions at a time (and up to 100 with `probeCapacity`), one login at a time, and tries a refused login
 * never again: the pooler counts failed logins. What it leaves on a server is removed within the same check.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type CheckId, checkIds, withNeeds } from "./checks/Checks.ts"
import { invalidFindings } from "./checks/ConfigurationChecks.ts"
import { DoctorContext } from "./checks/DoctorContext.ts"
import { maskOf } from "./checks/Masking.ts"
import { PROGRAM } from "./checks/Actions.ts"
import { type CheckResult, type DoctorReport, DOCTOR_REPORT_VERSION, verdictOf } from "./checks/DoctorReport.ts"
import { type RunCallbacks, runChecks, toResult } from "./checks/RunChecks.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { NetworkCheck } from "./NetworkCheck.ts"
import { makeEndpoint } from "../session/OpenSession.ts"
import { SessionConfig, type Settings } from "../config/SessionConfig.ts"
import { SessionError } from "../errors/SessionError.ts"

export { type CheckDefinition, type CheckId, checkIdOf, checkIds, checks } from "./checks/Checks.ts"
export {
  Action,
  CheckResult,
  DoctorReport,
  DOCTOR_REPORT_VERSION,
  CheckStatus,
  DoctorVerdict
} from "./checks/DoctorReport.ts"

/** What an context is to do. */
export interface DoctorOptions {
  /** The checks wanted; what they depend on runs too. Default: all. */
  readonly only?: ReadonlyArray<CheckId> | undefined
  /** What each check may take. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** Opens sessions until one is refused, to learn the pooler's pool size. Default: false. */
  readonly probeCapacity?: boolean | undefined
  /** Called before each check. */
  readonly onStart?: RunCallbacks["onStart"] | undefined
  /** Called with each result as it is known. */
  readonly onResult?: RunCallbacks["onResult"] | undefined
}

/** As long as a login may take by default (DB_CONNECT_TIMEOUT). */
const DEFAULT_TIMEOUT: Duration.Input = "10 seconds"

const ignore = (): Effect.Effect<void> => Effect.void

/** What is said when the settings name no server at all. */
const withoutConnection = (): SessionError =>
  SessionError.configurationInvalid([
    {
      name: "SUPABASE_SESSION_POOLER",
      received: undefined,
      expected: "the connection string of the database to be examined",
      remedy: `Set it, or give the connection string: ${PROGRAM} doctor "postgresql://..."`
    }
  ])

interface Times {
  readonly startedAt: string
  readonly millis: () => number
}

const timesNow: Effect.Effect<Times> = Effect.clockWith((clock) => {
  const now = monotonicMillis(clock)
  const began = now()
  const startedAt = DateTime.formatIso(DateTime.makeUnsafe(clock.currentTimeMillisUnsafe()))
  return Effect.succeed({ startedAt, millis: () => Math.round(now() - began) })
})

const reportOf = (
  { millis, startedAt }: Times,
  results: ReadonlyArray<CheckResult>,
  attempted: boolean
): DoctorReport => ({
  version: DOCTOR_REPORT_VERSION,
  startedAt,
  ms: millis(),
  verdict: verdictOf(results, attempted),
  results
})

/**
 * The report about settings that cannot be used: nothing is attempted. For a program whose `SessionConfig` layer failed,
 * so that there is no `Doctor` to ask.
 */
export const reportInvalid = (error: SessionError): Effect.Effect<DoctorReport> =>
  Effect.map(timesNow, (times) => {
    const mask = maskOf(undefined)
    return reportOf(
      times,
      invalidFindings(error).map((result) => toResult("config", result, mask)),
      false
    )
  })

const runWith = Effect.fnUntraced(function* (
  settings: Settings,
  network: NetworkCheck["Service"],
  options: DoctorOptions
): Effect.fn.Return<DoctorReport> {
  const { connection } = settings
  if (connection === undefined) return yield* reportInvalid(withoutConnection())
  const endpoint = yield* Effect.result(makeEndpoint(settings))
  if (endpoint._tag === "Failure") return yield* reportInvalid(endpoint.failure)
  const times = yield* timesNow
  const clock = yield* Clock.Clock
  const context = new DoctorContext({
    settings,
    connection,
    endpoint: endpoint.success,
    network,
    now: monotonicMillis(clock),
    wallClock: () => clock.currentTimeMillisUnsafe(),
    limitMillis: Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? DEFAULT_TIMEOUT)),
    probesCapacity: options.probeCapacity ?? false
  })
  const { onResult = ignore, onStart = ignore } = options
  const ids = withNeeds(options.only ?? checkIds)
  const results = yield* Effect.scoped(runChecks(context, ids, maskOf(connection), { onResult, onStart }))
  return reportOf(times, results, true)
})

/** Examines the connection that the settings describe. */
export class Doctor extends Context.Service<
  Doctor,
  {
    /**
     * Runs the checks and reports what they found. Never fails: whatever goes wrong is a result. Takes as long as the
     * network does, each check at most its timeout (the session proof, the cancel and the capacity twice that) and a
     * second.
     */
    readonly run: (options?: DoctorOptions) => Effect.Effect<DoctorReport>
  }
>()("effect-supavisor/Doctor") {
  /** Examines with the network checks given. */
  static readonly layerNoDeps: Layer.Layer<Doctor, never, SessionConfig | NetworkCheck> = Layer.effect(
    Doctor,
    Effect.gen(function* () {
      const settings = yield* SessionConfig
      const network = yield* NetworkCheck
      return { run: (options) => runWith(settings, network, options ?? {}) }
    })
  )

  /** Examines over this machine's network. */
  static readonly layer: Layer.Layer<Doctor, never, SessionConfig> = Doctor.layerNoDeps.pipe(
    Layer.provide(NetworkCheck.layer)
  )
}
