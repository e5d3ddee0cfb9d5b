/** The sessions and the waiters of a status as rows of a table, most telling first. */
import { type TableColumn, tableOf } from "../terminal/Table.ts"
import { cut } from "../terminal/PlainText.ts"
import { formatMillis } from "../terminal/Quantity.ts"
import type { LedgerEntry, Waiter } from "./StatusBody.ts"

interface Column<A> extends TableColumn {
  readonly of: (row: A) => string
}

/** As wide as `999 ms`: spans that change from one look to the next keep their place. */
const SPAN_WIDTH = 6

const column = <A>(header: string, of: (row: A) => string): Column<A> => ({
  header,
  of,
  align: "left",
  isElastic: false,
  isExtra: false
})

const number = <A>(header: string, of: (row: A) => string): Column<A> => ({ ...column(header, of), align: "right" })

const span = <A>(header: string, of: (row: A) => number | null | undefined): Column<A> =>
  number(header, (row) => formatMillis(of(row)).padStart(SPAN_WIDTH))

/** Not on a narrow terminal. */
const extra = <A>(of: Column<A>): Column<A> => ({ ...of, isExtra: true })

/** Cut where there is no room for all of it. */
const elastic = <A>(of: Column<A>): Column<A> => ({ ...of, isElastic: true })

const table = <A>(columns: ReadonlyArray<Column<A>>, rows: ReadonlyArray<A>, width: number): ReadonlyArray<string> => {
  const cells = rows.map((row) => columns.map(({ of }) => of(row)))
  return tableOf(columns, cells, Number.isFinite(width) ? width : undefined).lines
}

/** Names of spans are written by programmers; longer ones are recognised by their beginning. */
const HOLDER_WIDTH = 24

const doing = ({ idleMillis, lastError, runningMillis, statement, state }: LedgerEntry): string => {
  const error = lastError ? ` [last error: ${lastError}]` : ""
  if (state === "idle") return `idle for ${formatMillis(idleMillis)}${error}`
  if (!statement) return `no statement yet${error}`
  return typeof runningMillis === "number"
    ? `runs for ${formatMillis(runningMillis)}: ${statement}${error}`
    : `ran: ${statement}${error}`
}

const sessionColumns: ReadonlyArray<Column<LedgerEntry>> = [
  number("ID", ({ sessionId }) => `${sessionId}`),
  number("PID", ({ backendPid }) => `${backendPid}`),
  column("STATE", ({ state }) => state),
  span("HELD", ({ heldMillis }) => heldMillis),
  extra(column("BY", ({ holder }) => cut(holder ?? "-", HOLDER_WIDTH))),
  extra(span("AGE", ({ ageMillis }) => ageMillis)),
  extra(number("USES", ({ uses }) => `${uses}`)),
  elastic(column("DOING", doing))
]

/** Lent sessions first, the longest held on top: those are who the others wait for. */
const byWeight = (one: LedgerEntry, other: LedgerEntry): number =>
  (other.heldMillis ?? -1) - (one.heldMillis ?? -1) || one.sessionId - other.sessionId

/** The sessions, a line of titles first. */
export const sessionRows = (ledger: ReadonlyArray<LedgerEntry>, width: number): ReadonlyArray<string> =>
  table(sessionColumns, ledger.toSorted(byWeight), width)

const waiterColumns: ReadonlyArray<Column<Waiter>> = [
  span("WAITING", ({ waitingMillis }) => waitingMillis),
  span("GIVES UP AFTER", ({ deadlineMillis }) => deadlineMillis),
  elastic(column("CALLER", ({ holder }) => holder ?? "-"))
]

/** The waiters, oldest first, a line of titles before them. */
export const waiterRows = (waiters: ReadonlyArray<Waiter>, width: number): ReadonlyArray<string> =>
  table(waiterColumns, waiters, width)
