/** The cost of acquiring and releasing an idle session without using it. */
import { SESSIONS } from "../RunContext.ts"
import type { Case, Workload } from "../Workload.ts"

const COUNT = 100_000

const MICROS = 1_000_000

const KIBIBYTE = 1024

const lease: Case = {
  title: "acquire and release an idle session",
  columns: [
    { key: "micros", title: "us each", digits: 2 },
    { key: "cpu", title: "CPU us each", digits: 2 },
    { key: "heap", title: `heap growth KiB after ${COUNT}`, digits: 0 }
  ],
  main: "micros",
  subjects: (entries) => entries.filter(({ can }) => can.includes("lease")),
  isWarmedUp: false,
  sample: (context, name) =>
    context.withNewProcess(name, async (process) => {
      await process.request("open", context.target(SESSIONS))
      // Warm-up: V8 compiles.
      await process.request("lease", { count: COUNT })
      const { cpuMicros, heapGrowth, seconds } = await process.request("lease", { count: COUNT })
      await process.request("close", null)
      return { micros: (seconds * MICROS) / COUNT, cpu: cpuMicros / COUNT, heap: heapGrowth / KIBIBYTE }
    })
}

export const leases: Workload = {
  name: "lease",
  isQuick: true,
  cases: (quick) => [quick ? { ...lease, rounds: 1 } : lease]
}
