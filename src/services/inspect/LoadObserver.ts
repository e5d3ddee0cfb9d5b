/** Measures the load of a database for some time, to size a pool by measurement. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import { secretsOf } from "../config/ConnectionString.ts"
import type { InspectorError } from "./checks/InspectorError.ts"
import { bounded } from "./checks/RunCheck.ts"
import { meanOf } from "./sizing/ObservedDemand.ts"
import { SessionOpener } from "../session/SessionOpener.ts"
import type { Session } from "../session/Session.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import type { SessionError } from "../errors/SessionError.ts"
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

/** Interval of the samples in milliseconds: each reads memory only, and a minute has 120. */
const SAMPLE_EVERY_MILLIS = 500

/** Time limit of one query, in milliseconds. */
const QUERY_MILLIS = 5000

/** The observer's transactions besides the samples: two at login, the look-up of pg_stat_statements, the first counters. */
const OWN_TRANSACTIONS = 4

/** At most 63 bytes, which PostgreSQL keeps of an application_name. */
const APPLICATION_NAME = "effect-supavisor-size"

const decodeCounters = Schema.decodeUnknownEffect(Schema.fromJsonString(Counters))
const decodeSample = Schema.decodeUnknownEffect(Schema.fromJsonString(Sample))
const decodeSource = Schema.decodeUnknownEffect(StatementsSource)

/** The load between two readings of the counters; 0 if they were reset in between. */
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

/** Measures the load of a database. */
export class LoadObserver extends Context.Service<
  LoadObserver,
  {
    /**
     * Measures the load of all clients of the database for the given time, with two samples a second on its own session.
     *
     * PostgreSQL's counters lag by up to a second, so a window of less than ten seconds is imprecise. Fails with a
     * `SessionError` when no session can be opened or it is lost, and with an `InspectorError` when a query fails or
     * takes more than five seconds.
     */
    readonly observe: (window: Duration.Input) => Effect.Effect<DatabaseLoad, SessionError | InspectorError>
  }
>()("effect-supavisor/LoadObserver") {
  /** Uses sessions of any opener. */
  static readonly layerNoDeps: Layer.Layer<LoadObserver, never, SessionConfig | SessionOpener> = Layer.effect(
    LoadObserver,
    Effect.gen(function* () {
      const { connection } = yield* SessionConfig
      const opener = yield* SessionOpener
      const secrets = connection === undefined ? [] : secretsOf(connection)

      const limited = <A>(query: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
        bounded("observe", query, Duration.millis(QUERY_MILLIS), secrets, 0)

      const measure = Effect.fnUntraced(function* (session: Session, window: Duration.Duration) {
        const found = yield* limited(session.query(statementsSourceStatement, [], false))
        const source = found.rows[0] === undefined ? undefined : yield* limited(decodeSource(found.rows[0]))
        const counters = limited(
          Effect.flatMap(session.query(countersStatement(source), [], false), ({ rows }) =>
            decodeCounters(rows[0]?.["counters"])
          )
        )
        const samples: Array<Sample> = []
        const sample = limited(
          Effect.flatMap(session.query(sampleStatement, [], false), ({ rows }) => decodeSample(rows[0]?.["sample"]))
        ).pipe(Effect.map((found) => void samples.push(found)))
        const before = yield* counters
        yield* Effect.repeat(sample, Schedule.fixed(SAMPLE_EVERY_MILLIS).pipe(Schedule.upTo({ duration: window })))
        return loadBetween(before, yield* counters, samples)
      })

      return {
        observe: (window) =>
          Effect.acquireUseRelease(
            opener.open,
            (session) => measure(session, Duration.fromInputUnsafe(window)),
            (session) => session.close
          )
      }
    })
  )

  /** Uses a session with the configured server, which has its own application_name. */
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
