/** What a client's own code costs: the same operations, with the server's answers made up in the process. */
import type { Operation } from "../Operation.ts"
import { SESSIONS } from "../Stage.ts"
import type { Case, Workload } from "../Workload.ts"

/**
 * Statements until V8 has compiled their path: ours fell to a third of its first cost after about 72 000, on a machine
 * at its usual speed and at half of it.
 */
const WARM_UP_STATEMENTS = 100_000

/** A dear client on a slow machine does not get that far, and would make a sample last for ever. */
const WARM_UP_MILLIS = 2000

const statementsOf = (operation: Operation): number => (operation === "transaction" ? 4 : 1)

const withoutWire = (operation: Operation, title: string, callers: number): Case => ({
  title: `${title} without sockets, ${callers} callers`,
  columns: [{ key: "cpu", title: "CPU us each", digits: 2 }],
  main: "cpu",
  subjects: (entries) => entries.filter(({ can }) => can.includes("canned") && can.includes(operation)),
  isWarmedUp: false,
  sample: (stage, name, millis) =>
    stage.fresh(name, async (process) => {
      const loop = { operation, callers, millis }
      const warmUpOperations = WARM_UP_STATEMENTS / statementsOf(operation)
      const { cpuMicros, operations } = await process.ask(
        "measureCanned",
        { ...stage.target(SESSIONS), ...loop, warmUpOperations, warmUpMillis: WARM_UP_MILLIS },
        millis
      )
      return { cpu: cpuMicros / operations }
    })
})

/** Each sample has a process of its own; what it measures does not scatter. */
const QUICK_ROUNDS = 3

const all: ReadonlyArray<Case> = [
  withoutWire("select1", "select 1", 10),
  withoutWire("select1", "select 1", 100),
  withoutWire("point", "one row by its key", 100),
  withoutWire("transaction", "begin, select, update, commit", 10)
]

export const code: Workload = {
  name: "code",
  isQuick: false,
  cases: (quick) => (quick ? all.map((one) => ({ ...one, rounds: QUICK_ROUNDS })) : all)
}
