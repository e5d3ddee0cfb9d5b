/** What happens when ten thousand queries are asked for in one moment. */
import type { Case, Workload } from "../Workload.ts"
import { SESSIONS } from "../Stage.ts"

const COUNT = 10_000

/** Callers of the rate that a burst is held against: ten for each session keep all of them busy. */
const STEADY_CALLERS = 100

/** Until V8 has compiled the path, and again for the steady rate: about as long as the burst itself. */
const STEADY_MILLIS = 500

/**
 * Smaller bursts come first, as many statements in all, because a rate that V8 has compiled the path for is no measure of
 * one that it has not. Smaller, because the memory of the whole one is measured.
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
  sample: (stage, name) =>
    stage.fresh(name, async (process) => {
      const loop = { operation: "point", callers: STEADY_CALLERS } as const
      await process.ask("open", stage.target(SESSIONS))
      await process.ask("measure", { ...loop, millis: STEADY_MILLIS })
      for (let time = 0; time < WARM_UPS; time++) await process.ask("burst", { count: WARM_UP_COUNT })
      const steady = await process.ask("measure", { ...loop, millis: STEADY_MILLIS })
      const { displaced: out, idle, millis: total, p99, peakRss } = await process.ask("burst", { count: COUNT })
      await process.ask("close", null)
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
