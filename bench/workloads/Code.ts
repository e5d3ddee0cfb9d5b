/** What a client's own code costs: the same operations, with the server's answers made up in the process. */
import type { Operation } from "../Operation.ts"
import { SESSIONS } from "../Stage.ts"
import type { Case, Workload } from "../Workload.ts"

/** Until every session has prepared the statement, and V8 has compiled the path. */
const WARM_UP_MILLIS = 500

const withoutWire = (operation: Operation, title: string, callers: number): Case => ({
  title: `${title} without sockets, ${callers} callers`,
  columns: [{ key: "cpu", title: "CPU us each", digits: 2 }],
  main: "cpu",
  subjects: (entries) => entries.filter(({ can }) => can.includes("canned") && can.includes(operation)),
  isWarmedUp: false,
  sample: (stage, name, millis) =>
    stage.fresh(name, async (process) => {
      const loop = { operation, callers }
      const { cpuMicros, operations } = await process.ask(
        "measureCanned",
        { ...stage.target(SESSIONS), ...loop, millis, warmUpMillis: WARM_UP_MILLIS },
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
