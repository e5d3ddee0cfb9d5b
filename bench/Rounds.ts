/** Asks every subject in turn, round after round, so that the machine's moods fall on all of them. */
import { type Line, spreadOf, type Table } from "./Result.ts"
import { FLOOR } from "./Roster.ts"
import type { Stage } from "./Stage.ts"
import type { Case } from "./Workload.ts"

/** What a sample that warms up takes at least: V8 has compiled the hot path by then. */
const WARM_UP_MILLIS = 150

type Sample = Readonly<Record<string, number>>

/** Each round begins with another subject. */
const rotated = <A>(subjects: ReadonlyArray<A>, round: number): ReadonlyArray<A> => {
  const start = round % subjects.length
  return [...subjects.slice(start), ...subjects.slice(0, start)]
}

const figures = (samples: ReadonlyArray<Sample>, key: string): ReadonlyArray<number> =>
  samples.flatMap((sample) => sample[key] ?? [])

/** Round by round, where both have the figure. */
const ratiosTo = (floor: ReadonlyArray<Sample>, own: ReadonlyArray<Sample>, key: string): ReadonlyArray<number> =>
  own.flatMap((sample, round) => {
    const [figure, least] = [sample[key], floor[round]?.[key]]
    return figure === undefined || least === undefined ? [] : [figure / least]
  })

/** Runs the rounds of one case. */
export const runCase = async (
  stage: Stage,
  { workload, rounds: asked }: { readonly workload: string; readonly rounds: number },
  question: Case
): Promise<Table> => {
  const subjects = question.subjects(stage.options.entries)
  const rounds = Math.min(asked, question.rounds ?? asked)
  const samples = new Map<string, Array<Sample>>(subjects.map(({ name }) => [name, []]))
  const { millis } = stage.options
  if (question.isWarmedUp) {
    for (const { name } of subjects) await question.sample(stage, name, Math.max(millis, WARM_UP_MILLIS))
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name } of rotated(subjects, round)) {
      samples.get(name)?.push(await question.sample(stage, name, millis))
    }
  }
  const floor = samples.get(FLOOR) ?? []
  const lines = subjects.map(({ name, title }): Line => {
    const own = samples.get(name) ?? []
    const spreads = (pick: (key: string) => ReadonlyArray<number>): Line["values"] =>
      Object.fromEntries(
        question.columns.flatMap(({ key }) => {
          const found = pick(key)
          return found.length === 0 ? [] : [[key, spreadOf(found)]]
        })
      )
    return {
      name,
      title,
      values: spreads((key) => figures(own, key)),
      ratios: spreads((key) => ratiosTo(floor, own, key))
    }
  })
  return { workload, title: question.title, rounds, columns: question.columns, main: question.main, lines }
}
