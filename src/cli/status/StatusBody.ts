/**
 * What `/status` says, as far as it is shown here.
 *
 * Tolerant on purpose: a program of another version may say more, or less of what is optional, and words that are not
 * known yet are shown as they are.
 */
import * as Schema from "effect/Schema"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const HealthState = Schema.Struct({
  _tag: Schema.String,
  causes: Schema.optionalKey(Schema.Array(Schema.String)),
  reason: Schema.optionalKey(
    Schema.Struct({ code: Schema.String, message: Schema.String, remedy: Schema.optionalKey(Schema.String) })
  )
})

const Pool = Schema.Struct({
  open: Schema.Number,
  connecting: Schema.Number,
  idle: Schema.Number,
  used: Schema.Number,
  closing: Schema.Number,
  waiting: Schema.Number,
  min: Schema.Number,
  max: Schema.Number,
  ceiling: Schema.Number,
  maxWaiting: optional(Schema.Number),
  oldestWaitMillis: optional(Schema.Number),
  oldestLeaseMillis: optional(Schema.Number)
})

const LedgerEntry = Schema.Struct({
  sessionId: Schema.Number,
  backendPid: Schema.Number,
  state: Schema.String,
  ageMillis: Schema.Number,
  uses: Schema.Number,
  idleMillis: optional(Schema.Number),
  heldMillis: optional(Schema.Number),
  holder: optional(Schema.String),
  statement: optional(Schema.String),
  runningMillis: optional(Schema.Number),
  lastError: optional(Schema.String)
})

/** One session that stands. */
export type LedgerEntry = typeof LedgerEntry.Type

const Finding = Schema.Struct({
  severity: Schema.String,
  title: Schema.String,
  detail: Schema.String,
  remedy: Schema.String
})

/** One thing that is not as it should be. */
export type Finding = typeof Finding.Type

const Waiter = Schema.Struct({
  holder: optional(Schema.String),
  waitingMillis: Schema.Number,
  deadlineMillis: Schema.Number
})

/** A caller that waits for a session. */
export type Waiter = typeof Waiter.Type

const Quantile = Schema.NullOr(Schema.Number)

const quantiles = { p50: Quantile, p95: Quantile, p99: Quantile }

const Process = Schema.Struct({
  pid: Schema.Number,
  nodeVersion: Schema.String,
  cpu: Schema.Number,
  rssBytes: Schema.Number,
  loopDelayP99Millis: Quantile
})

/** The status of a running program. */
export const StatusBody = Schema.Struct({
  version: Schema.String,
  uptimeSeconds: Schema.Number,
  health: Schema.Struct({ state: HealthState, since: Schema.Number }),
  endpoint: Schema.Struct({ host: Schema.String, port: Schema.Number, database: Schema.String }),
  pool: Pool,
  ledger: Schema.Array(LedgerEntry),
  demo: optional(Schema.Boolean),
  findings: optional(Schema.Array(Finding)),
  waiters: optional(Schema.Array(Waiter)),
  wait: optional(Schema.Struct(quantiles)),
  query: optional(Schema.Struct({ ...quantiles, perSecond: Quantile })),
  process: optional(Process),
  lastFailure: optional(Schema.Struct({ agoMillis: Schema.Number, code: Schema.String, message: Schema.String }))
})

export type StatusBody = typeof StatusBody.Type
