/** How the cost grows with the number of sessions, with ten callers per session. */
import { type Operation, WAIT_MILLIS } from "../Operation.ts"
import type { Case, Workload } from "../Workload.ts"
import { columns, figuresOf } from "./Throughput.ts"

/** Pool sizes: the largest pools in the sizing table, and PostgreSQL's default `max_connections`. */
const ALL = [5, 15, 30, 100]
const QUICK = [30]

const CALLERS_PER_SESSION = 10

interface SessionsWorkload {
  readonly operation: Operation
  readonly title: string
  /** Minimum length of a sample, in milliseconds. */
  readonly millis: number
  /** Maximum number of rounds. */
  readonly rounds: number | undefined
}

const withSessions = (sessions: number, { millis: minMillis, operation, rounds, title }: SessionsWorkload): Case => ({
  title: `${title}, ${sessions} sessions, ${sessions * CALLERS_PER_SESSION} callers`,
  columns: [...columns, { key: "fair", title: "p99 ms x sessions / callers", digits: 3 }],
  main: "rate",
  subjects: (entries) => entries.filter(({ can }) => can.includes("burst") && can.includes(operation)),
  rounds,
  isWarmedUp: false,
  sample: async (context, name, requested) => {
    const process = await context.processOf(name)
    const millis = Math.max(requested, minMillis)
    const callers = sessions * CALLERS_PER_SESSION
    const measured = await process.request(
      "measureNewSessions",
      { ...context.target(sessions), operation, callers, millis },
      millis
    )
    const figures = figuresOf(measured)
    return { ...figures, fair: (figures["p99"] ?? Number.NaN) / CALLERS_PER_SESSION }
  }
})

const sessionsWorkload = (name: string, workload: SessionsWorkload): Workload => ({
  name,
  isQuick: false,
  cases: (quick) =>
    (quick ? QUICK : ALL).map((count) => withSessions(count, quick ? { ...workload, rounds: 1 } : workload))
})

/** The processor is the limit, because the server shares it: more sessions do not bring more statements. */
export const sessions = sessionsWorkload("sessions", {
  operation: "point",
  title: "one row by its key",
  millis: 0,
  rounds: undefined
})

/** Long enough for every caller to run several statements. */
const WAITING_MILLIS = 1000

/** Few rounds suffice, because the figures vary little. */
const WAITING_ROUNDS = 3

/** The sessions are the limit, as with slow statements: ten callers wait for each session. */
export const waiting = sessionsWorkload("waiting", {
  operation: "wait",
  title: `a statement of ${WAIT_MILLIS} ms`,
  millis: WAITING_MILLIS,
  rounds: WAITING_ROUNDS
})
