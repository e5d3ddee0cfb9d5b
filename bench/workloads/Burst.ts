/** Ten thousand queries that start at the same moment. */
import type { Case, Workload } from "../Workload.ts"
import { SESSIONS } from "../RunContext.ts"

const COUNT = 10_000

/** Callers of the steady rate: ten per session keep all sessions busy. */
const STEADY_CALLERS = 100

/** Length of the warm-up and of the steady-rate measurement: about as long as the burst itself. */
const STEADY_MILLIS = 500

/**
 * Warm-up bursts with as many statements in total: uncompiled code cannot be compared with the compiled steady rate. They
 * are smaller so that they do not raise the idle memory that the burst's peak is compared with.
 */
const WARM_UPS = 10
const WARM_UP_COUNT = COUNT / WARM_UPS

const MEBIBYTE = 1024 * 1024

const burst: Case = {
  title: `${COUNT} rows by their keys at once, ${SESSIONS} sessions`,
  columns: [
    { key: "total", title: "total ms", digits: 0 },
    { key: "steady", title: "rate of steady", digits: 2 },
    { key: "p99", title: "p99 of ideal", digits: 2 },
    { key: "memory", title: "peak above idle MiB", digits: 1 },
    { key: "displaced", title: "out of order, p99", digits: 0 },
    { key: "mostDisplaced", title: "most", digits: 0 }
  ],
  main: "total",
  subjects: (entries) => entries.filter(({ can }) => can.includes("burst")),
  isWarmedUp: false,
  sample: (context, name) =>
    context.withNewProcess(name, async (process) => {
      const loop = { operation: "point", callers: STEADY_CALLERS } as const
      await process.request("open", context.target(SESSIONS))
      await process.request("measure", { ...loop, millis: STEADY_MILLIS })
      for (let time = 0; time < WARM_UPS; time++) await process.request("burst", { count: WARM_UP_COUNT })
      const steady = await process.request("measure", { ...loop, millis: STEADY_MILLIS })
      const { displaced: out, idle, millis: total, p99, peakRss } = await process.request("burst", { count: COUNT })
      await process.request("close", null)
      const ideal = (COUNT * steady.seconds * 1000) / steady.operations
      return {
        total,
        steady: ideal / total,
        p99: p99 / ideal,
        memory: (peakRss - idle.rss) / MEBIBYTE,
        displaced: out.p99,
        mostDisplaced: out.most
      }
    })
}

export const bursts: Workload = {
  name: "burst",
  isQuick: false,
  cases: (quick) => [quick ? { ...burst, rounds: 1 } : burst]
}
