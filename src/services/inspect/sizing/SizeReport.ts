/** The answer to "how many sessions": numbers, why, what will not work, and what to set; pure. */
import * as Schema from "effect/Schema"
import { formatPercent, formatSpan } from "../checks/Format.ts"
import { type AgentSize, resolve, type Tier, tiers } from "../../config/PoolSizing.ts"
import { type ObservedDemand, observedDemandOf, type ObservedLoad } from "./ObservedDemand.ts"
import { counted } from "../../errors/Wording.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Counts changes of the form that a reader must know of; a new field is none. */
export const SIZE_VERSION = 1

const Observed = Schema.Struct({
  windowMillis: Schema.Number,
  looks: Schema.Number,
  transactionsPerSecond: Schema.Number,
  /** Null while no transaction has ended. */
  meanHeldMillis: Schema.NullOr(Schema.Number),
  busyByLaw: Schema.Number,
  busyByStatements: Schema.Number,
  busySeen: Schema.Number,
  busyAtBursts: Schema.Number,
  busyAtMost: Schema.Number,
  operations: Schema.Number
})

/** How many sessions, and why. Numbers are sessions; `min` and `max` are those of one process. */
export const SizeReport = Schema.Struct({
  version: Schema.Literal(SIZE_VERSION),
  min: Schema.Number,
  max: Schema.Number,
  processes: Schema.Number,
  /** `max` in all processes together. */
  total: Schema.Number,
  reasoning: Schema.Array(Schema.String),
  warnings: Schema.Array(Schema.String),
  /** What to set, by variable. */
  environment: Schema.Record(Schema.String, Schema.String),
  /** What was seen; null when nothing was observed, or nothing ran. */
  observed: Schema.NullOr(Observed)
})

export type SizeReport = typeof SizeReport.Type

/** What the load is known by: one of the first three, else a small agent. */
export interface SizeInput {
  readonly agent?: AgentSize | undefined
  readonly operations?: number | undefined
  readonly observed?: DatabaseLoad | undefined
  readonly processes?: number | undefined
  readonly tier?: Tier | undefined
  readonly poolerSize?: number | undefined
}

/** An observed load, and where. */
export interface DatabaseLoad extends ObservedLoad {
  readonly database: string
  readonly role: string
  readonly idleInTransaction: number
  readonly hidden: number
}

/** Below this many transactions an average is chance. */
const ENOUGH_TRANSACTIONS = 100

/** Above this share of the sessions in use, resting transactions are what the pool is for. */
const MUCH_RESTING = 0.25

/** Below this, hundredths are worth reading. */
const SMALL = 10

const figure = (value: number): string => String(Number(value.toFixed(value < SMALL ? 2 : 0)))

const measured = (facts: DatabaseLoad, demand: ObservedDemand): ReadonlyArray<string> => {
  const { meanHeldMillis } = demand
  const law =
    meanHeldMillis === undefined
      ? "No transaction ended meanwhile, so Little's law says nothing."
      : `${figure(demand.transactionsPerSecond)} transactions per second (pg_stat_database) held a session for ` +
        `${formatSpan(meanHeldMillis)} on average: by Little's law ${figure(demand.busyByLaw)} sessions were in use.`
  const looks =
    `${counted(facts.busySamples.length, "look")} at pg_stat_activity saw ${figure(demand.busySeen)} in use on average, ` +
    `${demand.busyAtBursts} or fewer at 95 of 100 looks, and never more than ${demand.busyAtMost}.`
  const { statements } = facts
  return [
    `Observed for ${formatSpan(facts.windowMillis)}: every client of the database ${facts.database}, not only this application.`,
    law,
    looks,
    ...(statements === undefined || statements.calls === 0
      ? []
      : [
          `pg_stat_statements counted ${figure((statements.calls * MILLIS_PER_SECOND) / facts.windowMillis)} statements per second of ` +
            `${figure(statements.millis / statements.calls)} ms each: by the same law ${figure(demand.busyByStatements)} ran at a time.`
        ]),
    `The largest of these, rounded up, is ${counted(demand.operations, "operation")} at a time.`
  ]
}

const doubts = (facts: DatabaseLoad, demand: ObservedDemand | undefined): ReadonlyArray<string> => {
  if (demand === undefined) {
    return [
      `Nothing ran in the database ${facts.database} for ${formatSpan(facts.windowMillis)}, so these numbers are those of a ` +
        "small agent: observe it under load."
    ]
  }
  const resting = demand.busySeen > 0 ? facts.idleInTransaction / demand.busySeen : 0
  return [
    ...(facts.transactions < ENOUGH_TRANSACTIONS
      ? [`Only ${counted(facts.transactions, "transaction")} ended meanwhile: observe for longer, at a busy hour.`]
      : []),
    ...(facts.hidden > 0
      ? [
          `The role ${facts.role} may not see what ${counted(facts.hidden, "session")} of other roles do, so looks count too little.`
        ]
      : []),
    ...(resting > MUCH_RESTING
      ? [
          `${formatPercent(resting)} of the sessions in use rested in an open transaction: shorter transactions need a smaller ` +
            "pool (effect-supavisor inspect idle-in-transaction)."
        ]
      : [])
  ]
}

const shared = (question: SizeInput, total: number, processes: number, max: number): ReadonlyArray<string> => {
  const tier = tiers.find((candidate) => candidate.tier === question.tier)
  return [
    ...(processes === 1 ? [] : [`${processes} processes of at most ${max} sessions open ${total} together.`]),
    ...(tier === undefined
      ? []
      : [
          `The ${tier.tier} compute size has ${tier.maxConnections} connections, and a default pool size of ` +
            `${tier.defaultPoolSize} sessions for each role and database.`
        ])
  ]
}

/** Settles the numbers. An observed load is that of all processes together; operations and agents are of one. */
export const sizeReportOf = (question: SizeInput): SizeReport => {
  const processes = Math.max(1, question.processes ?? 1)
  const { observed } = question
  const demand = observed === undefined ? undefined : observedDemandOf(observed)
  const operations = demand === undefined ? question.operations : Math.ceil(demand.operations / processes)
  const sizing = resolve({
    agentSize: question.agent,
    concurrentOperations: operations,
    processes,
    tier: question.tier,
    poolerSize: question.poolerSize
  })
  const { max, min } = sizing
  const total = max * processes
  const isAssumed = question.agent === undefined && operations === undefined && observed === undefined
  return {
    version: SIZE_VERSION,
    min,
    max,
    processes,
    total,
    reasoning: [
      ...(isAssumed ? ["Nothing was said of the load, so a small agent is assumed."] : []),
      ...(observed !== undefined && demand !== undefined ? measured(observed, demand) : []),
      ...(demand === undefined || processes === 1 || operations === undefined
        ? []
        : [`Shared by ${processes} processes that is ${counted(operations, "operation")} for each.`]),
      ...sizing.reasoning,
      ...shared(question, total, processes, max)
    ],
    warnings: [...(observed === undefined ? [] : doubts(observed, demand)), ...sizing.warnings],
    environment: { DB_POOL_MIN: String(min), DB_POOL_MAX: String(max) },
    observed:
      observed === undefined || demand === undefined
        ? null
        : {
            windowMillis: observed.windowMillis,
            looks: observed.busySamples.length,
            transactionsPerSecond: demand.transactionsPerSecond,
            meanHeldMillis: demand.meanHeldMillis ?? null,
            busyByLaw: demand.busyByLaw,
            busyByStatements: demand.busyByStatements,
            busySeen: demand.busySeen,
            busyAtBursts: demand.busyAtBursts,
            busyAtMost: demand.busyAtMost,
            operations: demand.operations
          }
  }
}
