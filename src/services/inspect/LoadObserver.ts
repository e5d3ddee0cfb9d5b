/** Watches what a database does for a while, so that a pool can be sized by what is, not by what is guessed. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import { isSqlError } from "effect/sql/SqlError"
import { secretsOf } from "../config/ConnectionString.ts"
import { InspectorError } from "./checks/InspectorError.ts"
import { SessionOpener } from "../session/SessionOpener.ts"
import type { Session } from "../session/Session.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionError } from "../errors/SessionError.ts"
import {
  Counters,
  countersStatement,
  Sample,
  sampleStatement,
  StatementsSource,
  statementsSourceStatement
} from "./sizing/LoadStatements.ts"
import type { DatabaseLoad } from "./sizing/SizeReport.ts"

export { type DatabaseLoad, SIZE_VERSION, type SizeInput, SizeReport, sizeReportOf } from "./sizing/SizeReport.ts"

/** Between two looks, in milliseconds: each reads memory only, and a minute has 120 of them. */
const SAMPLE_EVERY_MILLIS = 500

/** A server that takes longer for one look, in milliseconds, is too busy to be asked. */
const QUERY_MILLIS = 5000

/** Transactions of ours beside the looks: two of the login, where pg_stat_statements is, and the first counters. */
const OWN_TRANSACTIONS = 4

/** What the observer calls itself: at most 63 bytes, as PostgreSQL keeps of a name. */
const APPLICATION_NAME = "effect-supavisor-size"

const decodeCounters = Schema.decodeUnknownEffect(Schema.fromJsonString(Counters))
const decodeSample = Schema.decodeUnknownEffect(Schema.fromJsonString(Sample))
const decodeSource = Schema.decodeUnknownEffect(StatementsSource)

const meanOf = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/** What lies between two readings; counters that were reset in between give nothing. */
const loadBetween = (before: Counters, after: Counters, samples: ReadonlyArray<Sample>): DatabaseLoad => ({
  windowMillis: after.at - before.at,
  busySamples: samples.map(({ busy }) => busy),
  transactions: Math.max(0, after.transactions - before.transactions - samples.length - OWN_TRANSACTIONS),
  heldMillis: Math.max(0, after.heldMillis - before.heldMillis),
  database: after.database,
  role: after.role,
  statements:
    before.statements === null || after.statements === null
      ? undefined
      : {
          calls: Math.max(0, after.statements.calls - before.statements.calls - samples.length - OWN_TRANSACTIONS),
          millis: Math.max(0, after.statements.millis - before.statements.millis)
        },
  idleInTransaction: meanOf(samples.map(({ idleInTransaction }) => idleInTransaction)),
  hidden: Math.max(0, ...samples.map(({ hidden }) => hidden))
})

/** Watches a database. */
export class LoadObserver extends Context.Service<
  LoadObserver,
  {
    /**
     * Watches every client of the database for so long, by two looks a second on one session of its own.
     *
     * PostgreSQL's counters are up to a second behind, so a window of less than ten seconds is a rough one. Fails with
     * a `SessionError` when there is no session to be had or it is lost, and with an `InspectorError` when a look fails
     * or takes more than five seconds.
     */
    readonly observe: (window: Duration.Input) => Effect.Effect<DatabaseLoad, SessionError | InspectorError>
  }
>()("effect-supavisor/LoadObserver") {
  /** Watches through sessions of any opener. */
  static readonly layerNoDeps: Layer.Layer<LoadObserver, never, SessionConfig | SessionOpener> = Layer.effect(
    LoadObserver,
    Effect.gen(function* () {
      const { connection } = yield* SessionConfig
      const opener = yield* SessionOpener
      const secrets = connection === undefined ? [] : secretsOf(connection)

      const bounded = <A>(effect: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
        effect.pipe(
          Effect.mapError((error) => {
            const session = isSqlError(error) ? SessionError.fromSqlError(error) : undefined
            return session?.reason._tag === "SessionLost"
              ? session
              : InspectorError.fromFailure("observe", error, Duration.millis(QUERY_MILLIS), secrets)
          }),
          Effect.timeoutOrElse({
            duration: QUERY_MILLIS,
            orElse: () => Effect.fail(InspectorError.timedOut("observe", Duration.millis(QUERY_MILLIS)))
          })
        )

      const watch = Effect.fnUntraced(function* (session: Session, window: Duration.Duration) {
        const found = yield* bounded(session.query(statementsSourceStatement, [], false))
        const source = found.rows[0] === undefined ? undefined : yield* bounded(decodeSource(found.rows[0]))
        const counters = bounded(
          Effect.flatMap(session.query(countersStatement(source), [], false), ({ rows }) =>
            decodeCounters(rows[0]?.["counters"])
          )
        )
        const samples: Array<Sample> = []
        const look = bounded(
          Effect.flatMap(session.query(sampleStatement, [], false), ({ rows }) => decodeSample(rows[0]?.["sample"]))
        ).pipe(Effect.map((sample) => void samples.push(sample)))
        const before = yield* counters
        yield* Effect.repeat(look, Schedule.fixed(SAMPLE_EVERY_MILLIS).pipe(Schedule.upTo({ duration: window })))
        return loadBetween(before, yield* counters, samples)
      })

      return {
        observe: (window) =>
          Effect.acquireUseRelease(
            opener.open,
            (session) => watch(session, Duration.fromInputUnsafe(window)),
            (session) => session.close
          )
      }
    })
  )

  /** Watches through a session with the configured server. It has an application name of its own. */
  static readonly layer: Layer.Layer<LoadObserver, SessionError, SessionConfig> = this.layerNoDeps.pipe(
    Layer.provide(SessionOpener.layer),
    Layer.provide(
      Layer.effect(
        SessionConfig,
        Effect.map(SessionConfig, (config) => ({
          ...config,
          applicationName: APPLICATION_NAME,
          pool: { ...config.pool, min: 0, max: 1 }
        }))
      )
    )
  )
}
