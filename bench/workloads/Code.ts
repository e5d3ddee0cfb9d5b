/** The cost of a client's own code: the same operations, with replies made up in the process. */
import type { Operation } from "../Operation.ts"
import { SESSIONS } from "../RunContext.ts"
import type { Case, Workload } from "../Workload.ts"

/**
 * Statements until V8 has compiled their path. Ours fell to a third of its first cost after about 72 000, at the
 * machine's usual speed and at half of it.
 */
const WARM_UP_STATEMENTS = 100_000

/** Upper limit of the warm-up for a slow client on a slow machine. */
const WARM_UP_MILLIS = 2000

const statementsOf = (operation: Operation): number => (operation === "transaction" ? 4 : 1)

const withoutSockets = (operation: Operation, title: string, callers: number): Case => ({
  title: `${title} without sockets, ${callers} callers`,
  columns: [{ key: "cpu", title: "CPU us each", digits: 2 }],
  main: "cpu",
  subjects: (entries) => entries.filter(({ can }) => can.includes("canned") && can.includes(operation)),
  isWarmedUp: false,
  sample: (context, name, millis) =>
    context.withNewProcess(name, async (process) => {
      const loop = { operation, callers, millis }
      const warmUpOperations = WARM_UP_STATEMENTS / statementsOf(operation)
      const { cpuMicros, operations } = await process.request(
        "measureCanned",
        { ...context.target(SESSIONS), ...loop, warmUpOperations, warmUpMillis: WARM_UP_MILLIS },
        millis
      )
      return { cpu: cpuMicros / operations }
    })
})

/** Three rounds suffice: each sample has its own process and varies little. */
const QUICK_ROUNDS = 3

const all: ReadonlyArray<Case> = [
  withoutSockets("select1", "select 1", 10),
  withoutSockets("select1", "select 1", 100),
  withoutSockets("point", "one row by its key", 100),
  withoutSockets("transaction", "begin, select, update, commit", 10)
]

export const code: Workload = {
  name: "code",
  isQuick: false,
  cases: (quick) => (quick ? all.map((one) => ({ ...one, rounds: QUICK_ROUNDS })) : all)
}
