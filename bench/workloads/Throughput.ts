/** How much gets done: one operation, by so many callers, for so long. */
import type { Measured } from "../Commands.ts"
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

/** The figures of a loop; a program that reports no percentiles has none. */
export const figuresOf = ({ cpuMicros, latency, operations, peakRss, seconds }: Measured): Record<string, number> => ({
  rate: operations / seconds,
  cpu: cpuMicros / operations,
  ...latency,
  rss: peakRss / MEBIBYTE
})

/**
 * A part of each sample that comes before it and is not counted: a contender has idled while the others had their turns,
 * and after ten seconds of that its first tenths of a second take up to twice the processor time.
 */
const LEAD_IN = 0.3

const callersWord = (callers: number): string => (callers === 1 ? "1 caller" : `${callers} callers`)

const throughput = (operation: Operation, title: string, callers: number): Case => ({
  title: `${title}, ${callersWord(callers)}`,
  columns,
  main: "rate",
  subjects: (entries) => entries.filter(({ can }) => can.includes(operation)),
  isWarmedUp: true,
  sample: async (stage, name, millis) => {
    const process = await stage.living(name)
    const loop = { operation, callers }
    await process.ask("measure", { ...loop, millis: millis * LEAD_IN }, millis)
    return figuresOf(await process.ask("measure", { ...loop, millis }, millis))
  }
})

/** Callers of the workloads that are asked at several; a quick run keeps those that the goals name. */
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
