/** The time to open many sessions. */
import { setTimeout as pause } from "node:timers/promises"
import type { Case, Workload } from "../Workload.ts"

/** The largest pool in the sizing table. */
const SESSIONS = 30

/**
 * Pause until the server processes of the previous sample have ended. Thirty processes that exit together use the
 * processors, which raised the next figure by a tenth.
 */
const SETTLE_MILLIS = 200

const connect: Case = {
  title: `${SESSIONS} sessions from nothing to ready`,
  columns: [{ key: "millis", title: "ms", digits: 0 }],
  main: "millis",
  subjects: (entries) => entries.filter(({ can }) => can.includes("hold")),
  isWarmedUp: true,
  sample: async (context, name) => {
    const process = await context.processOf(name)
    await pause(SETTLE_MILLIS)
    return { millis: await process.request("connect", context.target(SESSIONS)) }
  }
}

export const connects: Workload = {
  name: "connect",
  isQuick: true,
  cases: (quick) => [quick ? { ...connect, rounds: 1, isWarmedUp: false } : connect]
}
