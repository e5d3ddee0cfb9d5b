/**
 * Looks into a database and the connections it has: one known-good question for each thing a person wants to know.
 *
 * Every check is read-only and bounded, needs no superuser, and says what it could not see, what an empty answer means
 * and what to do next.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { secretsOf } from "../config/ConnectionString.ts"
import { runCheck, readFacts } from "./checks/RunCheck.ts"
import type { CheckInput } from "./checks/Check.ts"
import { checks } from "./checks/Checks.ts"
import type { CheckId } from "./checks/CheckTitles.ts"
import type { Inspection } from "./checks/Inspection.ts"
import type { InspectorError } from "./checks/InspectorError.ts"
import { SessionOpener } from "../session/SessionOpener.ts"
import type { Session } from "../session/Session.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import type { SessionError } from "../errors/SessionError.ts"

export { type CheckId, checkIds } from "./checks/CheckTitles.ts"
export { Inspection, INSPECTION_VERSION, type RuleResult } from "./checks/Inspection.ts"
export { InspectionReport, INSPECTION_REPORT_VERSION } from "./checks/InspectionReport.ts"
export { InspectorError } from "./checks/InspectorError.ts"
export { LoadObserver, type SizeInput, SizeReport } from "./LoadObserver.ts"

/** What a look may be told. */
export interface InspectOptions {
  /** Rows at most. Default: 20. */
  readonly limit?: number | undefined
  /** How long the server may take for one check. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** What counts as long for a statement. Default: 5 minutes. */
  readonly longerThan?: Duration.Input | undefined
  /** Sessions the pooler grants to the role. Default: 15, Supavisor's own. */
  readonly poolerSize?: number | undefined
}

/** As many rows fit on a screen. */
export const defaultLimit = 20

/** As long as a person waits for an answer to one question. */
export const defaultTimeout: Duration.Duration = Duration.seconds(10)

/** What `supabase inspect db long-running-queries` takes for long. */
export const defaultLongerThan: Duration.Duration = Duration.minutes(5)

/** What a look calls itself: at most 63 bytes, as PostgreSQL keeps of a name. */
const APPLICATION_NAME = "effect-supavisor-inspect"

/** How long the server lets a look rest in its transaction before it ends it: far beyond any round trip. */
const IDLE_TIMEOUT: Duration.Duration = Duration.seconds(60)

const durationOf = (input: Duration.Input | undefined, fallback: Duration.Duration): Duration.Duration =>
  input === undefined ? fallback : Duration.fromInputUnsafe(input)

/** A session for the length of an effect; a failed or interrupted look leaves nothing behind either. */
const withSession = <A, E>(
  opener: SessionOpener["Service"],
  f: (session: Session) => Effect.Effect<A, E>
): Effect.Effect<A, E | SessionError> => Effect.acquireUseRelease(opener.open, f, (session) => session.close)

/** Looks into a database. */
export class Inspector extends Context.Service<
  Inspector,
  {
    /**
     * Asks checks, one after another on one session that is opened for them, each in a transaction of its own.
     *
     * A check that takes longer than its timeout or fails otherwise says so in what it found, and the others go on.
     * Fails with a `SessionError` when there is no session to be had, or the session is lost; with an `InspectorError`
     * when the server does not even say what it is, or the session cannot go on.
     */
    readonly inspect: (
      ids: ReadonlyArray<CheckId>,
      options?: InspectOptions
    ) => Effect.Effect<ReadonlyArray<Inspection>, SessionError | InspectorError>
  }
>()("effect-supavisor/Inspector") {
  /** Looks through sessions of any opener. */
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
        const timeout = durationOf(options.timeout, defaultTimeout)
        return yield* withSession(
          opener,
          Effect.fnUntraced(function* (session) {
            const facts = yield* readFacts(session, timeout, secrets)
            const asked: CheckInput = {
              facts,
              limit: options.limit ?? defaultLimit,
              longerThanMillis: Duration.toMillis(durationOf(options.longerThan, defaultLongerThan)),
              applicationName: config.applicationName,
              poolMax: config.pool.max,
              connectionType: config.connectionType,
              poolerSize: options.poolerSize,
              idleInTransactionMillis: Duration.toMillis(config.idleInTransactionTimeout),
              secrets
            }
            return yield* Effect.forEach(
              checks.filter(({ id }) => ids.includes(id)),
              (check) => runCheck(session, check, asked, { timeout, place: opener.endpoint })
            )
          })
        )
      })
      return { inspect }
    })
  )

  /**
   * Looks through a session with the configured server, opened for each look and closed after it.
   *
   * It has an application name of its own, so that it is not counted as ours.
   */
  static readonly layer: Layer.Layer<Inspector, SessionError, SessionConfig> = this.layerNoDeps.pipe(
    Layer.provide(
      Layer.unwrap(
        Effect.map(SessionConfig, (config) =>
          SessionOpener.layer.pipe(
            Layer.provide(
              Layer.succeed(SessionConfig, {
                ...config,
                applicationName: APPLICATION_NAME,
                // Between two statements of a look is no time at all, whatever an application may want for itself.
                idleInTransactionTimeout: IDLE_TIMEOUT,
                // One session, so that a look fits where the pool is full up to one; then the proof of the mode, which
                // takes a second one for a moment, is left out.
                pool: { ...config.pool, min: 0, max: 1 }
              })
            )
          )
        )
      )
    )
  )
}
