/** What `/events` says, as the page reads it after JSON. A field that the server leaves undefined is absent here. */
import type { Point, ShownEvent } from "../../services/observability/PoolHistory.ts"
import type { StatusBody } from "../Status.ts"

export type { Point, ShownEvent } from "../../services/observability/PoolHistory.ts"

/** Everything at one instant, once a second; the page has no use for the settings. */
export type Status = Omit<StatusBody, "config">

/** One session that stands. */
export type LedgerEntry = Status["ledger"][number]

/** The first message of a stream: what was before. Instants are wall-clock milliseconds, both lists oldest first. */
export interface Hello {
  readonly version: string
  readonly startedAt: number
  readonly demo: boolean
  readonly stepMillis: number
  readonly windowMillis: number
  readonly history: ReadonlyArray<Point>
  readonly events: ReadonlyArray<ShownEvent>
}
