/** A question to the contenders, asked in rounds. */
import type { Column } from "./Result.ts"
import type { Entry } from "./Roster.ts"
import type { Stage } from "./Stage.ts"

/** Who is asked: a contender, or a program of its own. */
export interface Subject {
  readonly name: string
  readonly title: string
}

/** One table: every subject gives a sample in every round. */
export interface Case {
  readonly title: string
  readonly columns: ReadonlyArray<Column>
  /** The column that ratios are made of. */
  readonly main: string
  readonly subjects: (entries: ReadonlyArray<Entry>) => ReadonlyArray<Subject>
  /** The most rounds that make sense; default: as many as asked for. */
  readonly rounds?: number | undefined
  /** Whether a sample that does not count comes first. */
  readonly isWarmedUp: boolean
  /** Asks one subject once; `millis` is how long what is measured over a time should take. */
  readonly sample: (stage: Stage, name: string, millis: number) => Promise<Readonly<Record<string, number>>>
}

export interface Workload {
  /** As `--only` names it. */
  readonly name: string
  /** False where a quick run leaves it out unless it is named. */
  readonly isQuick: boolean
  readonly cases: (quick: boolean) => ReadonlyArray<Case>
}
