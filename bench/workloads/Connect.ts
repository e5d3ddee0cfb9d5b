/** How long it takes until so many sessions stand. */
import type { Case, Workload } from "../Workload.ts"

/** The largest pool of the sizing table. */
const SESSIONS = 30

const connect: Case = {
  title: `${SESSIONS} sessions from nothing to ready`,
  columns: [{ key: "millis", title: "ms", digits: 0 }],
  main: "millis",
  subjects: (entries) => entries.filter(({ can }) => can.includes("hold")),
  isWarmedUp: true,
  sample: async (stage, name) => {
    const process = await stage.living(name)
    return { millis: await process.ask("connect", stage.target(SESSIONS)) }
  }
}

export const connects: Workload = {
  name: "connect",
  isQuick: true,
  cases: (quick) => [quick ? { ...connect, rounds: 1 } : connect]
}
