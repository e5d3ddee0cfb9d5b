/**
 * Inspects a database and its connections with tested queries, one for each check.
 *
 * Every check is read-only, has a time limit and needs no superuser. Its result says what the role could not see, what an
 * empty result means, and what to do next.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { secretsOf } from "../config/ConnectionString.ts"
import { ownSessions, readFacts, runCheck, type InspectorError } from "./checks/RunCheck.ts"
import type { CheckInput } from "./checks/Check.ts"
import { checks } from "./checks/AllChecks.ts"
import type { CheckId } from "./checks/CheckTitles.ts"
import type { Inspection } from "./checks/InspectionReport.ts"
import { SessionOpener } from "../session/SessionOpener.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import type { SessionError } from "../errors/SessionError.ts"

export { type CheckId, checkIds } from "./checks/CheckTitles.ts"
export {
  Inspection,
  INSPECTION_VERSION,
  type RuleResult,
  InspectionReport,
  INSPECTION_REPORT_VERSION
} from "./checks/InspectionReport.ts"
export { InspectorError } from "./checks/RunCheck.ts"
export { LoadObserver, type SizeInput, SizeReport } from "./LoadObserver.ts"

/** Options of an inspection. */
export interface InspectOptions {
  /** Maximum number of rows. Default: 20. */
  readonly limit?: number | undefined
  /** Time limit of each check. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** The duration from which a statement counts as long. Default: 5 minutes. */
  readonly longerThan?: Duration.Input | undefined
  /** The pooler's pool size for the role. Default: 15, Supavisor's default. */
  readonly poolerSize?: number | undefined
}

/** Fits on a screen. */
export const defaultLimit = 20

export const defaultTimeout: Duration.Duration = Duration.seconds(10)

/** The default of `supabase inspect db long-running-queries`. */
export const defaultLongerThan: Duration.Duration = Duration.minutes(5)

/** Inspects a database. */
export class Inspector extends Context.Service<
  Inspector,
  {
    /**
     * Runs checks in sequence on one session that is opened for them, each in a transaction of its own.
     *
     * A check that fails or exceeds its time limit has the status `failed`, and the others still run. Fails with a
     * `SessionError` when no session can be opened or the session is lost, and with an `InspectorError` when the facts of
     * the server cannot be read or the session cannot be used any more.
     */
    readonly inspect: (
      ids: ReadonlyArray<CheckId>,
      options?: InspectOptions
    ) => Effect.Effect<ReadonlyArray<Inspection>, SessionError | InspectorError>
  }
>()("effect-supavisor/Inspector") {
  /** Uses sessions of any opener. */
  static readonly layerNoDeps: Layer.Layer<Inspector, never, SessionConfig | SessionOpener> = Layer.effect(
    Inspector,
    Effect.gen(function* () {
      const config = yield* SessionConfig
      const opener = yield* SessionOpener
      const secrets = config.connection === undefined ? [] : secretsOf(config.connection)

      const inspect = Effect.fn("Inspector.inspect")(function* (
        ids: ReadonlyArray<CheckId>,
        options: InspectOptions = {}
      ) {
        const timeout = Duration.fromInputUnsafe(options.timeout ?? defaultTimeout)
        return yield* Effect.acquireUseRelease(
          opener.open,
          Effect.fnUntraced(function* (session) {
            const facts = yield* readFacts(session, timeout, secrets)
            const input: CheckInput = {
              facts,
              limit: options.limit ?? defaultLimit,
              longerThanMillis: Duration.toMillis(options.longerThan ?? defaultLongerThan),
              applicationName: config.applicationName,
              poolMax: config.pool.max,
              connectionType: config.connectionType,
              poolerSize: options.poolerSize,
              idleInTransactionMillis: Duration.toMillis(config.idleInTransactionTimeout),
              secrets
            }
            return yield* Effect.forEach(
              checks.filter(({ id }) => ids.includes(id)),
              (check) => runCheck(session, check, input, opener.endpoint, timeout)
            )
          }),
          (session) => session.close
        )
      })
      return { inspect }
    })
  )

  /** Opens a session of its own with the configured server for each inspection and closes it afterwards. */
  static readonly layer: Layer.Layer<Inspector, SessionError, SessionConfig> = this.layerNoDeps.pipe(
    Layer.provide(ownSessions("effect-supavisor-inspect"))
  )
}
