/** How long it takes until so many sessions stand. */
import { setTimeout as pause } from "node:timers/promises"
import type { Case, Workload } from "../Workload.ts"

/** The largest pool of the sizing table. */
const SESSIONS = 30

/**
 * Until the server's processes behind the sessions that were closed last have ended: thirty that end together take the
 * processors from whoever comes next, which was a tenth of its figure.
 */
const SETTLE_MILLIS = 200

const connect: Case = {
  title: `${SESSIONS} sessions from nothing to ready`,
  columns: [{ key: "millis", title: "ms", digits: 0 }],
  main: "millis",
  subjects: (entries) => entries.filter(({ can }) => can.includes("hold")),
  isWarmedUp: true,
  sample: async (stage, name) => {
    const process = await stage.living(name)
    await pause(SETTLE_MILLIS)
    return { millis: await process.ask("connect", stage.target(SESSIONS)) }
  }
}

export const connects: Workload = {
  name: "connect",
  isQuick: true,
  cases: (quick) => [quick ? { ...connect, rounds: 1, isWarmedUp: false } : connect]
}
