/** Measures all subjects in turn, round after round, so that changes of the machine's speed affect all of them. */
import { type TableRow, spreadOf, type Table } from "./Result.ts"
import { BASELINE } from "./Roster.ts"
import type { RunContext } from "./RunContext.ts"
import type { Case } from "./Workload.ts"

/** Minimum length of a warm-up sample, after which V8 has compiled the hot path. */
const WARM_UP_MILLIS = 150

type Sample = Readonly<Record<string, number>>

/** Starts each round with a different subject. */
const rotated = <A>(subjects: ReadonlyArray<A>, round: number): ReadonlyArray<A> => {
  const start = round % subjects.length
  return [...subjects.slice(start), ...subjects.slice(0, start)]
}

const figures = (samples: ReadonlyArray<Sample>, key: string): ReadonlyArray<number> =>
  samples.flatMap((sample) => sample[key] ?? [])

/** The ratio of each round in which both have the figure. */
const ratiosTo = (baseline: ReadonlyArray<Sample>, own: ReadonlyArray<Sample>, key: string): ReadonlyArray<number> =>
  own.flatMap((sample, round) => {
    const [figure, base] = [sample[key], baseline[round]?.[key]]
    return figure === undefined || base === undefined ? [] : [figure / base]
  })

/** Runs the rounds of one case. */
export const runCase = async (
  context: RunContext,
  { workload, rounds: requested }: { readonly workload: string; readonly rounds: number },
  benchCase: Case
): Promise<Table> => {
  const subjects = benchCase.subjects(context.options.entries)
  const rounds = Math.min(requested, benchCase.rounds ?? requested)
  const samples = new Map<string, Array<Sample>>(subjects.map(({ name }) => [name, []]))
  const { millis } = context.options
  if (benchCase.isWarmedUp) {
    for (const { name } of subjects) await benchCase.sample(context, name, Math.max(millis, WARM_UP_MILLIS))
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name } of rotated(subjects, round)) {
      samples.get(name)?.push(await benchCase.sample(context, name, millis))
    }
  }
  const baseline = samples.get(BASELINE) ?? []
  const rows = subjects.map(({ name, title }): TableRow => {
    const own = samples.get(name) ?? []
    const spreads = (pick: (key: string) => ReadonlyArray<number>): TableRow["values"] =>
      Object.fromEntries(
        benchCase.columns.flatMap(({ key }) => {
          const found = pick(key)
          return found.length === 0 ? [] : [[key, spreadOf(found)]]
        })
      )
    return {
      name,
      title,
      values: spreads((key) => figures(own, key)),
      ratios: spreads((key) => ratiosTo(baseline, own, key))
    }
  })
  return { workload, title: benchCase.title, rounds, columns: benchCase.columns, main: benchCase.main, rows }
}
