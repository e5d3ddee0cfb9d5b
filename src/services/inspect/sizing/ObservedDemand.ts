/** What a database was seen to do, and how many sessions that asks for; pure. */
import { demandOf } from "../../config/LittlesLaw.ts"
import { forOperations } from "../../config/PoolSizing.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** What happened in a span of time. */
export interface ObservedLoad {
  readonly windowMillis: number
  /** How many sessions were in use at each look: they ran a statement, or held a transaction open. */
  readonly busySamples: ReadonlyArray<number>
  /** Transactions that ended (pg_stat_database). */
  readonly transactions: number
  /** Time in statements and in open transactions of those that ended, all sessions together (pg_stat_database). */
  readonly heldMillis: number
  /** Statements that ended and their time (pg_stat_statements); undefined where it cannot be read. */
  readonly statements: { readonly calls: number; readonly millis: number } | undefined
}

/** The sessions that a load asks for, and from what that is known. */
export interface ObservedDemand {
  readonly transactionsPerSecond: number
  /** How long a transaction holds a session on average; undefined while none has ended. */
  readonly meanHeldMillis: number | undefined
  /** Sessions in use on average, by Little's law of transactions. */
  readonly busyByLaw: number
  /** Sessions that run a statement on average, by Little's law of statements; 0 where nobody counts them. */
  readonly busyByStatements: number
  /** Sessions in use on average, by looking. */
  readonly busySeen: number
  /** At 95 of 100 looks no more sessions were in use: bursts, without the single worst moment. */
  readonly busyAtBursts: number
  /** The most that were in use at any look. */
  readonly busyAtMost: number
  /** The largest of these but the last, rounded up: operations at a time. */
  readonly operations: number
  /** With the buffer of 20 % that operations get. */
  readonly sessions: number
}

/** The share of looks that the pool has to serve without a wait. */
const BURST_QUANTILE = 0.95

/** The smallest value that is not passed by the share of the values. Zero where there are none. */
export const quantileOf = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

const meanOf = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * The demand of an observed load. Undefined where nothing ran, because then nothing can be said.
 *
 * Little's law needs what has ended; looks see what still runs; and pg_stat_database learns of transactions that touch
 * no table late (PostgreSQL source, pgstat.c, pgstat_report_stat). So the largest is taken, and bursts count.
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
