/** Throughput of one operation with a number of callers. */
import type { LoopResult } from "../Commands.ts"
import type { Operation } from "../Operation.ts"
import type { Column } from "../Result.ts"
import type { Case, Workload } from "../Workload.ts"

const MEBIBYTE = 1024 * 1024

export const columns: ReadonlyArray<Column> = [
  { key: "rate", title: "per second", digits: 0 },
  { key: "cpu", title: "CPU us each", digits: 1, isCompared: true },
  { key: "p50", title: "p50 ms", digits: 2 },
  { key: "p95", title: "p95 ms", digits: 2 },
  { key: "p99", title: "p99 ms", digits: 2 },
  { key: "rss", title: "peak MiB", digits: 0 }
]

/** The figures of a loop; without percentiles if the contender reports none. */
export const figuresOf = ({
  cpuMicros,
  latency,
  operations,
  peakRss,
  seconds
}: LoopResult): Record<string, number> => ({
  rate: operations / seconds,
  cpu: cpuMicros / operations,
  ...latency,
  rss: peakRss / MEBIBYTE
})

/**
 * Uncounted time before each sample, as a share of its length. A contender idles while the others are measured; after ten
 * idle seconds its first tenths of a second take up to twice the processor time.
 */
const WARM_UP_SHARE = 0.3

const callersWord = (callers: number): string => (callers === 1 ? "1 caller" : `${callers} callers`)

const throughput = (operation: Operation, title: string, callers: number): Case => ({
  title: `${title}, ${callersWord(callers)}`,
  columns,
  main: "rate",
  subjects: (entries) => entries.filter(({ can }) => can.includes(operation)),
  isWarmedUp: true,
  sample: async (context, name, millis) => {
    const process = await context.processOf(name)
    const loop = { operation, callers }
    await process.request("measure", { ...loop, millis: millis * WARM_UP_SHARE }, millis)
    return figuresOf(await process.request("measure", { ...loop, millis }, millis))
  }
})

/** Numbers of callers; a quick run keeps those of the goals. */
const ALL_CALLERS = [1, 10, 100, 1000]
const QUICK_CALLERS = [10, 100]

const TEN = [10]

const workload = (
  name: string,
  operation: Operation,
  title: string,
  callers: { readonly all: ReadonlyArray<number>; readonly quick: ReadonlyArray<number> }
): Workload => ({
  name,
  isQuick: true,
  cases: (quick) => (quick ? callers.quick : callers.all).map((count) => throughput(operation, title, count))
})

const many = { all: ALL_CALLERS, quick: QUICK_CALLERS }
const ten = { all: TEN, quick: TEN }

export const throughputs: ReadonlyArray<Workload> = [
  workload("select1", "select1", "select 1", many),
  workload("point", "point", "one row of 100 000 by its key", many),
  workload("insert", "insert", "insert returning", ten),
  workload("rows", "rows", "1 000 rows of 10 columns", ten),
  workload("transaction", "transaction", "begin, select, update, commit", ten)
]
