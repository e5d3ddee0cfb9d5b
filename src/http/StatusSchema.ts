/**
 * The body of `/status` and the messages of `/events`: the server encodes with these schemas, the CLI decodes with
 * them, and the page takes its types from them.
 *
 * Durations are milliseconds unless the name says otherwise; fields that end in `At` and `since` are wall-clock
 * milliseconds. Decoding ignores unknown keys. Words such as states and reasons are plain strings, so that a program
 * of another version stays readable.
 */
import * as Schema from "effect/Schema"
import * as History from "../services/observability/history/HistorySchema.ts"
import { DatabaseView } from "../services/observability/monitor/DatabaseView.ts"

export type { HistoryEvent, HistoryPoint } from "../services/observability/history/HistorySchema.ts"

const { Boolean, Number, String } = Schema

const optionalNumber = Schema.optional(Number)

const optionalString = Schema.optional(String)

const problem = { code: String, message: String, remedy: String }

const Verdict = Schema.Struct({
  /** `up`, `degraded`, `down`, `starting` or `draining`. */
  level: String,
  /** The level as a heading. */
  word: String,
  /** One sentence with current numbers. */
  reason: String,
  remedy: optionalString,
  /** Stays the same while only numbers change. */
  key: String,
  since: Number
})

export type Verdict = typeof Verdict.Type

const Health = Schema.Struct({
  state: Schema.Struct({
    _tag: String,
    causes: Schema.optional(Schema.Array(String)),
    reason: Schema.optional(Schema.Struct(problem))
  }),
  since: Number,
  started: Boolean,
  checkedAt: optionalNumber,
  latencyMillis: optionalNumber,
  consecutiveFailures: Number,
  lastError: Schema.optional(Schema.Struct({ ...problem, at: Number }))
})

const Breaker = Schema.Struct({ state: String, retryInMillis: optionalNumber })

const Pool = Schema.Struct({
  name: String,
  open: Number,
  connecting: Number,
  idle: Number,
  used: Number,
  closing: Number,
  waiting: Number,
  min: Number,
  max: Number,
  ceiling: Number,
  poolerSize: optionalNumber,
  breakers: Schema.Struct({ network: Breaker, capacity: Breaker, auth: Breaker }),
  maxWaiting: Number,
  oldestWaitMillis: Number,
  oldestLeaseMillis: Number,
  counters: Schema.Struct({
    acquired: History.Counts,
    closed: History.Counts,
    dialsStarted: Number,
    dialsSucceeded: Number,
    dialsFailed: History.Counts,
    probes: Number,
    recoveries: Number,
    leaksSuspected: Number,
    incidents: Number
  })
})

const Session = Schema.Struct({
  sessionId: Number,
  backendPid: Number,
  state: String,
  ageMillis: Number,
  idleMillis: optionalNumber,
  silentMillis: Number,
  uses: Number,
  holder: optionalString,
  traceId: optionalString,
  heldMillis: optionalNumber,
  /** The text with placeholders, never with values. */
  statement: optionalString,
  runningMillis: optionalNumber,
  lastError: Schema.NullOr(String)
})

export type StatusSession = typeof Session.Type

const Waiter = Schema.Struct({ holder: String, waitingMillis: Number, deadlineMillis: Number })

export type StatusWaiter = typeof Waiter.Type

const Finding = Schema.Struct({
  id: String,
  severity: String,
  title: String,
  detail: String,
  remedy: String,
  since: Number
})

export type StatusFinding = typeof Finding.Type

const Database = Schema.Struct({
  view: Schema.optional(DatabaseView),
  observedAt: optionalNumber,
  problem: optionalString,
  restriction: optionalString
})

/** Everything that is known at one instant. */
export const StatusBody = Schema.Struct({
  version: String,
  demo: Boolean,
  uptimeSeconds: Number,
  phase: String,
  ready: Boolean,
  verdict: Verdict,
  health: Health,
  endpoint: Schema.Struct({ host: String, port: Number, database: String }),
  /** Null where no advisor runs. */
  findings: Schema.NullOr(Schema.Array(Finding)),
  pool: Pool,
  /** Null where no monitor runs. */
  database: Schema.NullOr(Database),
  sessions: Schema.Array(Session),
  /** The first in the queue, oldest first. */
  waiters: Schema.Array(Waiter),
  process: History.ProcessView,
  /** Waits for a session in the last minute. */
  wait: History.Quantiles,
  /** Statements in the last minute. */
  query: Schema.Struct({ ...History.Quantiles.fields, perSecond: History.Measured }),
  lastFailure: Schema.NullOr(Schema.Struct({ agoMillis: Number, code: String, message: String })),
  /** The settings without secrets, in the form of the environment. */
  config: Schema.Record(String, Schema.Unknown)
})

export type StatusBody = typeof StatusBody.Type

const Hello = Schema.Struct({
  version: String,
  startedAt: Number,
  demo: Boolean,
  stepMillis: Number,
  windowMillis: Number,
  /** Oldest first, as are the events. */
  history: Schema.Array(History.HistoryPoint),
  events: Schema.Array(History.HistoryEvent)
})

/** The first message of a stream: the history so far. */
export type Hello = typeof Hello.Type

/** The messages of `/events` by name: `hello` and `status` first, `bye` before the server ends. */
export const feedMessages = {
  hello: Hello,
  status: StatusBody,
  point: History.HistoryPoint,
  event: History.HistoryEvent,
  bye: Schema.Struct({ reason: String })
} as const

export type FeedMessageName = keyof typeof feedMessages

export type FeedMessageData<Name extends FeedMessageName> = (typeof feedMessages)[Name]["Type"]
