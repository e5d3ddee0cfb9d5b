/** Measures the load of a database for some time, to size a pool by measurement. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import { secretsOf } from "../config/ConnectionString.ts"
import { bounded, ownSessions, queryJson, type InspectorError } from "./checks/RunCheck.ts"
import { SessionOpener } from "../session/SessionOpener.ts"
import type { Session } from "../session/Session.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { type DatabaseLoad, meanOf } from "./sizing/SizeReport.ts"

export { type DatabaseLoad, SIZE_VERSION, type SizeInput, SizeReport, sizeReportOf } from "./sizing/SizeReport.ts"

/** The counters of a database since they were last reset. */
const Counters = Schema.Struct({
  /** Wall-clock milliseconds of the server. */
  at: Schema.Number,
  database: Schema.String,
  role: Schema.String,
  transactions: Schema.Number,
  /** Total time of all sessions in statements and open transactions, in milliseconds. */
  heldMillis: Schema.Number,
  /** Statements and their time; null when pg_stat_statements cannot be read. */
  statements: Schema.NullOr(Schema.Struct({ calls: Schema.Number, millis: Schema.Number }))
})

type Counters = typeof Counters.Type

/** One sample of the sessions. */
const Sample = Schema.Struct({
  /** Other sessions of this database that run a statement or are in a transaction. */
  busy: Schema.Number,
  /** Those of them that are idle in a transaction. */
  idleInTransaction: Schema.Number,
  /** Sessions of other roles whose state the role may not see. */
  hidden: Schema.Number
})

type Sample = typeof Sample.Type

/** Finds pg_stat_statements and the name of its time column; no row if the role cannot read it. */
const statementsSourceStatement = `
select format('%I.%I', nspname, relname) as view,
  case when exists (
    select from pg_catalog.pg_attribute where attrelid = c.oid and attname = 'total_exec_time' and not attisdropped
  ) then 'total_exec_time' else 'total_time' end as time
from pg_catalog.pg_extension
join pg_catalog.pg_namespace as n on n.oid = extnamespace
join pg_catalog.pg_class as c on c.relnamespace = n.oid and relname = 'pg_stat_statements'
where extname = 'pg_stat_statements' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
  and current_setting('pg_stat_statements.max', true) is not null`

/** The view pg_stat_statements. */
const StatementsSource = Schema.Struct({
  view: Schema.String,
  time: Schema.Literals(["total_exec_time", "total_time"])
})

type StatementsSource = typeof StatementsSource.Type

/** The counters, as JSON in `counters`. pg_stat_database has times since PostgreSQL 14. */
const countersStatement = (source: StatementsSource | undefined): string => `
select json_build_object(
  'at', round(extract(epoch from clock_timestamp()) * 1000)::float8,
  'database', datname,
  'role', current_user,
  'transactions', xact_commit + xact_rollback,
  'heldMillis', active_time + idle_in_transaction_time,
  'statements', ${
    source === undefined
      ? "null::json"
      : `(select json_build_object('calls', coalesce(sum(calls), 0), 'millis', coalesce(sum(${source.time}), 0))
    from ${source.view} where dbid = datid)`
  }
)::text as counters
from pg_catalog.pg_stat_database where datname = current_database()`

/** One sample, as JSON in `sample`. */
const sampleStatement = `
select json_build_object(
  'busy', count(*) filter (where state = 'active' or state like 'idle in transaction%'),
  'idleInTransaction', count(*) filter (where state like 'idle in transaction%'),
  'hidden', count(*) filter (where backend_type is null)
)::text as sample
from pg_catalog.pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
  and (backend_type = 'client backend' or (backend_type is null and usesysid is not null))`

/** Interval of the samples in milliseconds: each reads memory only, and a minute has 120. */
const SAMPLE_EVERY_MILLIS = 500

/** Time limit of one query, in milliseconds. */
const QUERY_MILLIS = 5000

/** The observer's transactions besides the samples: two at login, the look-up of pg_stat_statements, the first counters. */
const OWN_TRANSACTIONS = 4

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
        const source =
          found.rows[0] === undefined
            ? undefined
            : yield* limited(Schema.decodeUnknownEffect(StatementsSource)(found.rows[0]))
        const counters = limited(queryJson(session, countersStatement(source), "counters", Counters))
        const samples: Array<Sample> = []
        const sample = Effect.map(
          limited(queryJson(session, sampleStatement, "sample", Sample)),
          (found) => void samples.push(found)
        )
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

  /** Uses a session of its own with the configured server. */
  static readonly layer: Layer.Layer<LoadObserver, SessionError, SessionConfig> = this.layerNoDeps.pipe(
    Layer.provide(ownSessions("effect-supavisor-size"))
  )
}
