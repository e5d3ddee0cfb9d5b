/** Computes the pool size, with reasons, warnings and the variables to set. */
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { type AgentSize, resolve, type Tier, tiers, forOperations } from "../../config/PoolSizing.ts"
import { counted, given, wordShare, wordMillis } from "../../errors/Wording.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"
import { demandOf } from "../../config/LittlesLaw.ts"
import { quantileOf } from "../../stats/Quantile.ts"

/** The load of a time window. */
export interface ObservedLoad {
  readonly windowMillis: number
  /** Sessions in use in each sample: they ran a statement or were in a transaction. */
  readonly busySamples: ReadonlyArray<number>
  /** Completed transactions (pg_stat_database). */
  readonly transactions: number
  /** Total time of all sessions in completed statements and transactions (pg_stat_database). */
  readonly heldMillis: number
  /** Completed statements and their time (pg_stat_statements); undefined when it cannot be read. */
  readonly statements: { readonly calls: number; readonly millis: number } | undefined
}

/** The version of the schema; within a version, fields are only added. */
export const SIZE_VERSION = 1

const Observed = Schema.Struct({
  windowMillis: Schema.Number,
  samples: Schema.Number,
  transactionsPerSecond: Schema.Number,
  /** How long a transaction holds a session on average; null when none has completed. */
  meanHeldMillis: Schema.NullOr(Schema.Number),
  /** Sessions in use on average, by Little's law from the transactions. */
  busyByLaw: Schema.Number,
  /** Sessions running a statement on average, by Little's law from the statements; 0 when they are not counted. */
  busyByStatements: Schema.Number,
  /** Sessions in use on average, by the samples. */
  busySeen: Schema.Number,
  /** The 95th percentile of the samples: includes bursts, without the single worst moment. */
  busyAtBursts: Schema.Number,
  /** The maximum of the samples. */
  busyAtMost: Schema.Number,
  /** Concurrent operations: the largest of these figures except the maximum, rounded up. */
  operations: Schema.Number
})

/** The sessions that a load needs, and the figures behind them. */
interface ObservedDemand extends Omit<typeof Observed.Type, "windowMillis" | "samples" | "meanHeldMillis"> {
  readonly meanHeldMillis: number | undefined
  /** `operations` with the buffer of 20 %. */
  readonly sessions: number
}

/** The share of samples that the pool serves without waiting. */
const BURST_QUANTILE = 0.95

export const meanOf = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * The demand of a measured load; undefined when nothing ran.
 *
 * Little's law includes only completed work, samples include running work, and pg_stat_database counts transactions that
 * touch no table late (PostgreSQL source, pgstat.c, pgstat_report_stat). So the largest figure is used, with bursts.
 */
export const observedDemandOf = (load: ObservedLoad): ObservedDemand | undefined => {
  const law = demandOf({
    windowMillis: load.windowMillis,
    arrivals: load.transactions,
    leases: load.transactions,
    heldMillis: load.heldMillis
  })
  const busySeen = meanOf(load.busySamples)
  const busyAtBursts = quantileOf(load.busySamples, BURST_QUANTILE)
  const busyByLaw = law?.busy ?? 0
  const busyByStatements =
    load.statements === undefined || load.windowMillis <= 0 ? 0 : load.statements.millis / load.windowMillis
  const most = Math.max(busyByLaw, busyByStatements, busySeen, busyAtBursts)
  if (!(most > 0)) return undefined
  const operations = Math.ceil(most)
  return {
    transactionsPerSecond: load.windowMillis > 0 ? (load.transactions * MILLIS_PER_SECOND) / load.windowMillis : 0,
    meanHeldMillis: law?.meanUseMillis,
    busyByLaw,
    busyByStatements,
    busySeen,
    busyAtBursts,
    busyAtMost: Math.max(0, ...load.busySamples),
    operations,
    sessions: forOperations(operations).max
  }
}

/** The pool size and its reasons. `min` and `max` are the sessions of one process. */
export const SizeReport = Schema.Struct({
  version: Schema.Literal(SIZE_VERSION),
  min: Schema.Number,
  max: Schema.Number,
  processes: Schema.Number,
  /** `max` of all processes together. */
  total: Schema.Number,
  reasoning: Schema.Array(Schema.String),
  warnings: Schema.Array(Schema.String),
  /** The variables to set. */
  environment: Schema.Record(Schema.String, Schema.String),
  /** The measured load; null when nothing was measured, or nothing ran. */
  observed: Schema.NullOr(Observed)
})

export type SizeReport = typeof SizeReport.Type

/** The source of the load: one of the first three fields; a small agent without them. */
export interface SizeInput {
  readonly agent?: AgentSize | undefined
  readonly operations?: number | undefined
  readonly observed?: DatabaseLoad | undefined
  readonly processes?: number | undefined
  readonly tier?: Tier | undefined
  readonly poolerSize?: number | undefined
}

/** The measured load of a database. */
export interface DatabaseLoad extends ObservedLoad {
  readonly database: string
  readonly role: string
  readonly idleInTransaction: number
  readonly hidden: number
}

/** With fewer transactions an average is unreliable. */
const ENOUGH_TRANSACTIONS = 100

/** Above this share of the sessions in use, idle transactions are reported. */
const MAX_IDLE_SHARE = 0.25

/** Below this, two decimals are shown. */
const SMALL = 10

const figure = (value: number): string => String(Number(value.toFixed(value < SMALL ? 2 : 0)))

const measured = (facts: DatabaseLoad, demand: ObservedDemand): ReadonlyArray<string> => {
  const { meanHeldMillis } = demand
  const law =
    meanHeldMillis === undefined
      ? "No transaction completed, so Little's law gives no figure."
      : `${figure(demand.transactionsPerSecond)} transactions per second (pg_stat_database) held a session for ` +
        `${wordMillis(meanHeldMillis)} on average: by Little's law, ${figure(demand.busyByLaw)} sessions were in use.`
  const samples =
    `${counted(facts.busySamples.length, "sample")} of pg_stat_activity had ${figure(demand.busySeen)} sessions in use on ` +
    `average, ${demand.busyAtBursts} at the 95th percentile, and at most ${demand.busyAtMost}.`
  const { statements } = facts
  return given([
    `Measured for ${wordMillis(facts.windowMillis)}: all clients of the database ${facts.database}, not only this application.`,
    law,
    samples,
    statements !== undefined &&
      statements.calls > 0 &&
      `pg_stat_statements counted ${figure((statements.calls * MILLIS_PER_SECOND) / facts.windowMillis)} statements per second of ` +
        `${figure(statements.millis / statements.calls)} ms each: by the same law, ${figure(demand.busyByStatements)} ran concurrently.`,
    `The largest of these figures, without the maximum, is rounded up to ${counted(demand.operations, "concurrent operation")}.`
  ])
}

const caveats = (facts: DatabaseLoad, demand: ObservedDemand | undefined): ReadonlyArray<string> => {
  if (demand === undefined) {
    return [
      `Nothing ran in the database ${facts.database} for ${wordMillis(facts.windowMillis)}, so these numbers are for a small ` +
        "agent: measure under load."
    ]
  }
  const idleShare = demand.busySeen > 0 ? facts.idleInTransaction / demand.busySeen : 0
  return given([
    facts.transactions < ENOUGH_TRANSACTIONS &&
      `Only ${counted(facts.transactions, "transaction")} completed: measure for longer, under load.`,
    facts.hidden > 0 &&
      `The role ${facts.role} may not see the state of ${counted(facts.hidden, "session")} of other roles, so the samples are too low.`,
    idleShare > MAX_IDLE_SHARE &&
      `${wordShare(idleShare)} of the sessions in use were idle in a transaction: with shorter transactions a smaller ` +
        "pool is enough (effect-supavisor inspect idle-in-transaction)."
  ])
}

/** Computes the sizes. A measured load is that of all processes together; `operations` and `agent` are of one. */
export const sizeReportOf = (input: SizeInput): SizeReport => {
  const processes = Math.max(1, input.processes ?? 1)
  const { observed } = input
  const demand = observed === undefined ? undefined : observedDemandOf(observed)
  const operations = demand === undefined ? input.operations : Math.ceil(demand.operations / processes)
  const sizing = resolve({
    agentSize: input.agent,
    concurrentOperations: operations,
    processes,
    tier: input.tier,
    poolerSize: input.poolerSize
  })
  const { max, min } = sizing
  const total = max * processes
  const tier = tiers.find((candidate) => candidate.tier === input.tier)
  const isAssumed = input.agent === undefined && operations === undefined && observed === undefined
  return {
    version: SIZE_VERSION,
    min,
    max,
    processes,
    total,
    reasoning: given([
      isAssumed && "The load is not given, so a small agent is assumed.",
      ...(observed !== undefined && demand !== undefined ? measured(observed, demand) : []),
      demand !== undefined &&
        processes > 1 &&
        operations !== undefined &&
        `Divided among ${processes} processes: ${counted(operations, "operation")} each.`,
      ...sizing.reasoning,
      processes > 1 && `${processes} processes with at most ${max} sessions each open up to ${total} in total.`,
      tier !== undefined &&
        `The compute size ${tier.tier} has ${tier.maxConnections} connections and a default pool size of ` +
          `${tier.defaultPoolSize} sessions for each role and database.`
    ]),
    warnings: [...(observed === undefined ? [] : caveats(observed, demand)), ...sizing.warnings],
    environment: { DB_POOL_MIN: String(min), DB_POOL_MAX: String(max) },
    observed:
      observed === undefined || demand === undefined
        ? null
        : {
            windowMillis: observed.windowMillis,
            samples: observed.busySamples.length,
            ...Struct.omit(demand, ["sessions"]),
            meanHeldMillis: demand.meanHeldMillis ?? null
          }
  }
}
