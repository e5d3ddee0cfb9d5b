/** What a cycle wants to hear next, and the failure of one that hears something else. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Messages from "./Messages.ts"
import type { QueryCycle } from "./InFlightQuery.ts"

/** An empty query is complete without a command, and a statement without columns is described by NoData. */
export const wanted = (type: number): number =>
  type === Messages.EMPTY_QUERY
    ? Messages.COMMAND_COMPLETE
    : type === Messages.NO_DATA
      ? Messages.ROW_DESCRIPTION
      : type

/** What came is not what the protocol has next. */
export const unexpected = (type: number, cycle: QueryCycle | undefined): PgProtocol.ParseError => {
  const isCopy = type === Messages.COPY_IN || type === Messages.COPY_OUT || type === Messages.COPY_BOTH
  const message = String.fromCharCode(type)
  const where = cycle === undefined ? "with no statement on its way" : `instead of ${cycle.expects[cycle.position]}`
  const hint = isCopy ? "; COPY is not supported" : ""
  return new PgProtocol.ParseError({ message: `Unexpected message ${message} ${where}${hint}` })
}
