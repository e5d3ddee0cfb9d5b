/** The cost of idle sessions. */
import type { Case, Workload } from "../Workload.ts"

/** The largest pool in the sizing table. */
const SESSIONS = 30

/** Long enough to include timers of a few seconds. */
const IDLE_MILLIS = 10_000
const QUICK_IDLE_MILLIS = 1000

const MEBIBYTE = 1024 * 1024

const idle = (millis: number): Case => ({
  title: `${SESSIONS} idle sessions for ${millis / 1000} s`,
  columns: [
    { key: "cpu", title: "CPU ms per s", digits: 2 },
    { key: "rss", title: "memory of sessions MiB", digits: 1 },
    { key: "heap", title: "heap of sessions KiB", digits: 0 }
  ],
  main: "cpu",
  subjects: (entries) => entries.filter(({ can }) => can.includes("hold")),
  // More rounds would take long and make the figures only slightly steadier.
  rounds: 1,
  isWarmedUp: false,
  sample: (context, name) =>
    context.withNewProcess(name, async (process) => {
      const { after, before, cpuMicros } = await process.request(
        "idle",
        { ...context.target(SESSIONS), millis },
        millis
      )
      return {
        cpu: cpuMicros / millis,
        rss: (after.rss - before.rss) / MEBIBYTE,
        heap: (after.heap - before.heap) / 1024
      }
    })
})

export const idles: Workload = {
  name: "idle",
  isQuick: false,
  cases: (quick) => [idle(quick ? QUICK_IDLE_MILLIS : IDLE_MILLIS)]
}
