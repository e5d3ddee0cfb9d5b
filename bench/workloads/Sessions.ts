/** Whether cost grows as it must: more sessions, each with ten callers. */
import type { Case, Workload } from "../Workload.ts"
import { columns, figuresOf } from "./Throughput.ts"

/** Sessions asked for: the largest pools of the sizing table, and what a server allows by default. */
const ALL = [5, 15, 30, 100]
const QUICK = [30]

const CALLERS_PER_SESSION = 10

const withSessions = (sessions: number, quick: boolean): Case => ({
  title: `one row by its key, ${sessions} sessions, ${sessions * CALLERS_PER_SESSION} callers`,
  columns: [...columns, { key: "fair", title: "p99 ms x sessions / callers", digits: 3 }],
  main: "rate",
  subjects: (entries) => entries.filter(({ can }) => can.includes("burst")),
  rounds: quick ? 1 : undefined,
  isWarmedUp: false,
  sample: async (stage, name, millis) => {
    const process = await stage.living(name)
    const callers = sessions * CALLERS_PER_SESSION
    const measured = await process.ask(
      "measureApart",
      { ...stage.target(sessions), operation: "point", callers, millis },
      millis
    )
    const figures = figuresOf(measured)
    return { ...figures, fair: (figures["p99"] ?? Number.NaN) / CALLERS_PER_SESSION }
  }
})

export const sessions: Workload = {
  name: "sessions",
  isQuick: true,
  cases: (quick) => (quick ? QUICK : ALL).map((count) => withSessions(count, quick))
}
