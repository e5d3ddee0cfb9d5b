/** Whether cost grows as it must: more sessions, each with ten callers. */
import { type Operation, WAIT_MILLIS } from "../Operation.ts"
import type { Case, Workload } from "../Workload.ts"
import { columns, figuresOf } from "./Throughput.ts"

/** Sessions asked for: the largest pools of the sizing table, and what a server allows by default. */
const ALL = [5, 15, 30, 100]
const QUICK = [30]

const CALLERS_PER_SESSION = 10

interface Asked {
  readonly operation: Operation
  readonly title: string
  /** The least time of a sample, in milliseconds. */
  readonly millis: number
  /** The most rounds. */
  readonly rounds: number | undefined
}

const withSessions = (sessions: number, { millis: least, operation, rounds, title }: Asked): Case => ({
  title: `${title}, ${sessions} sessions, ${sessions * CALLERS_PER_SESSION} callers`,
  columns: [...columns, { key: "fair", title: "p99 ms x sessions / callers", digits: 3 }],
  main: "rate",
  subjects: (entries) => entries.filter(({ can }) => can.includes("burst") && can.includes(operation)),
  rounds,
  isWarmedUp: false,
  sample: async (stage, name, asked) => {
    const process = await stage.living(name)
    const millis = Math.max(asked, least)
    const callers = sessions * CALLERS_PER_SESSION
    const measured = await process.ask(
      "measureApart",
      { ...stage.target(sessions), operation, callers, millis },
      millis
    )
    const figures = figuresOf(measured)
    return { ...figures, fair: (figures["p99"] ?? Number.NaN) / CALLERS_PER_SESSION }
  }
})

const growing = (name: string, asked: Asked): Workload => ({
  name,
  isQuick: false,
  cases: (quick) => (quick ? QUICK : ALL).map((count) => withSessions(count, quick ? { ...asked, rounds: 1 } : asked))
})

/** The processor is the limit, on a machine that is the server's, too: more sessions do not bring more statements. */
export const sessions = growing("sessions", {
  operation: "point",
  title: "one row by its key",
  millis: 0,
  rounds: undefined
})

/** Every caller has its turn several times in a second. */
const WAITING_MILLIS = 1000

/** Nothing in it is chance but the machine's own hesitations. */
const WAITING_ROUNDS = 3

/** The sessions are the limit, as with statements that take their time: ten callers wait for one session's turn. */
export const waiting = growing("waiting", {
  operation: "wait",
  title: `a statement of ${WAIT_MILLIS} ms`,
  millis: WAITING_MILLIS,
  rounds: WAITING_ROUNDS
})
