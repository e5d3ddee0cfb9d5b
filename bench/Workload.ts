/** What is measured: workloads and their cases. */
import type { Column } from "./Result.ts"
import type { Entry } from "./Roster.ts"
import type { RunContext } from "./RunContext.ts"

/** What is measured in a case: a contender or a program. */
export interface Subject {
  readonly name: string
  readonly title: string
}

/** One table: every subject is sampled in every round. */
export interface Case {
  readonly title: string
  readonly columns: ReadonlyArray<Column>
  /** The column of the ratios. */
  readonly main: string
  readonly subjects: (entries: ReadonlyArray<Entry>) => ReadonlyArray<Subject>
  /** Maximum number of rounds; default: as many as `--rounds`. */
  readonly rounds?: number | undefined
  /** Whether an uncounted sample comes first. */
  readonly isWarmedUp: boolean
  /** Samples one subject once; `millis` is the length of a time-based measurement. */
  readonly sample: (context: RunContext, name: string, millis: number) => Promise<Readonly<Record<string, number>>>
}

export interface Workload {
  /** The name for `--only`. */
  readonly name: string
  /** Whether a quick run includes it without naming it. */
  readonly isQuick: boolean
  readonly cases: (quick: boolean) => ReadonlyArray<Case>
}
