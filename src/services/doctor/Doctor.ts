/**
 * Diagnoses a connection: runs checks from the settings to the round-trip time and reports the problems found, each with
 * an action.
 *
 * The command `effect-supavisor doctor` prints the report; an application can run the same checks in-process. At most two
 * sessions are open at a time (up to 100 with `probeCapacity`), with one login at a time. A refused login is not
 * retried, because the pooler counts failed logins. Each check removes what it created on the server.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type CheckId, checkIds, withNeeds } from "./checks/CheckDefinitions.ts"
import { invalidSettings } from "./checks/ConfigurationChecks.ts"
import { makeContext } from "./checks/DoctorContext.ts"
import { maskOf } from "./checks/Masking.ts"
import { PROGRAM } from "./checks/Actions.ts"
import { type CheckResult, type DoctorReport, DOCTOR_REPORT_VERSION, doctorVerdictOf } from "./checks/DoctorReport.ts"
import { type RunCallbacks, runChecks, toResult } from "./checks/RunChecks.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { NetworkCheck } from "./NetworkCheck.ts"
import { makeEndpoint } from "../session/OpenSession.ts"
import { SessionConfig, type Settings } from "../config/SessionConfig.ts"
import { SessionError } from "../errors/SessionError.ts"

export { type CheckDefinition, type CheckId, checkIdOf, checkIds, checks } from "./checks/CheckDefinitions.ts"
export {
  Action,
  CheckResult,
  DoctorReport,
  DOCTOR_REPORT_VERSION,
  CheckStatus,
  DoctorVerdict
} from "./checks/DoctorReport.ts"

/** Options of one run. */
export interface DoctorOptions {
  /** The checks to run; the checks they depend on run too. Default: all. */
  readonly only?: ReadonlyArray<CheckId> | undefined
  /** Time limit of each check. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** Opens sessions until one is refused, to find the pooler's pool size. Default: false. */
  readonly probeCapacity?: boolean | undefined
  /** Called before each check. */
  readonly onStart?: RunCallbacks["onStart"] | undefined
  /** Called with each result. */
  readonly onResult?: RunCallbacks["onResult"] | undefined
}

/** The default of DB_CONNECT_TIMEOUT. */
const DEFAULT_TIMEOUT: Duration.Input = "10 seconds"

const ignore = (): Effect.Effect<void> => Effect.void

const withoutConnection = (): SessionError =>
  SessionError.configurationInvalid([
    {
      name: "SUPABASE_SESSION_POOLER",
      received: undefined,
      expected: "the connection string of the database to check",
      remedy: `Set it, or pass the connection string: ${PROGRAM} doctor "postgresql://..."`
    }
  ])

interface Times {
  readonly startedAt: string
  readonly millis: () => number
}

const timesNow: Effect.Effect<Times> = Effect.clockWith((clock) => {
  const now = monotonicMillis(clock)
  const started = now()
  const startedAt = DateTime.formatIso(DateTime.makeUnsafe(clock.currentTimeMillisUnsafe()))
  return Effect.succeed({ startedAt, millis: () => Math.round(now() - started) })
})

const reportOf = (
  { millis, startedAt }: Times,
  results: ReadonlyArray<CheckResult>,
  attempted: boolean
): DoctorReport => ({
  version: DOCTOR_REPORT_VERSION,
  startedAt,
  ms: millis(),
  verdict: doctorVerdictOf(results, attempted),
  results
})

/** The report on invalid settings, with which no check runs. For a program whose `SessionConfig` layer failed. */
export const reportInvalid = (error: SessionError): Effect.Effect<DoctorReport> =>
  Effect.map(timesNow, (times) => {
    const mask = maskOf(undefined)
    return reportOf(
      times,
      invalidSettings(error).map((result) => toResult("config", result, mask)),
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
  const context = makeContext({
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

/** Runs diagnostic checks on the connection that the settings describe. */
export class Doctor extends Context.Service<
  Doctor,
  {
    /**
     * Runs the checks and reports their results. Never fails: every failure is a result. Each check takes at most
     * `timeout` plus one second; the checks `session`, `cancel` and `capacity` take at most twice `timeout` plus one
     * second.
     */
    readonly run: (options?: DoctorOptions) => Effect.Effect<DoctorReport>
  }
>()("effect-supavisor/Doctor") {
  /** Uses the given network checks. */
  static readonly layerNoDeps: Layer.Layer<Doctor, never, SessionConfig | NetworkCheck> = Layer.effect(
    Doctor,
    Effect.gen(function* () {
      const settings = yield* SessionConfig
      const network = yield* NetworkCheck
      return { run: (options) => runWith(settings, network, options ?? {}) }
    })
  )

  /** Uses this machine's network. */
  static readonly layer: Layer.Layer<Doctor, never, SessionConfig> = Doctor.layerNoDeps.pipe(
    Layer.provide(NetworkCheck.layer)
  )
}
