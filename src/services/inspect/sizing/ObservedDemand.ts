/** Computes the sessions that a measured load needs. */
import { demandOf } from "../../config/LittlesLaw.ts"
import { forOperations } from "../../config/PoolSizing.ts"
import { quantileOf } from "../../stats/Quantile.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

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

/** The sessions that a load needs, and the figures behind them. */
export interface ObservedDemand {
  readonly transactionsPerSecond: number
  /** How long a transaction holds a session on average; undefined when none has completed. */
  readonly meanHeldMillis: number | undefined
  /** Sessions in use on average, by Little's law from the transactions. */
  readonly busyByLaw: number
  /** Sessions running a statement on average, by Little's law from the statements; 0 when they are not counted. */
  readonly busyByStatements: number
  /** Sessions in use on average, by the samples. */
  readonly busySeen: number
  /** The 95th percentile of the samples: includes bursts, without the single worst moment. */
  readonly busyAtBursts: number
  /** The maximum of the samples. */
  readonly busyAtMost: number
  /** Concurrent operations: the largest of these figures except the maximum, rounded up. */
  readonly operations: number
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
