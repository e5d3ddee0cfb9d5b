/**
 * A stream inside a transaction, whose rows are fetched in turn from a portal of their own.
 *
 * Leaving it early closes the portal. A cancel, which is how the driver ends a stream, would fail the transaction. Other
 * statements of the transaction may run between two fetches.
 */
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Row } from "@effect/sql-pg/PgConnection"
import { notAnswered } from "../errors/SqlErrors.ts"
import type { InFlightQuery } from "../wire/query/InFlightQuery.ts"
import type { Portal, Query, ResultHandler } from "../wire/query/Query.ts"
import { failStatement } from "./Outcome.ts"

/** Rows of the first fetch: few, because many streams are left soon. */
const FIRST_ROWS = 64

/** Each fetch asks for twice as many rows, up to this number: four times what the driver keeps before it pauses. */
const MAX_ROWS = 2048

/** What a portal uses of its session. */
export interface PortalHost {
  /** Waits until no cleanup is in progress. */
  readonly ready: Effect.Effect<void>
  /** Whether statements can be written: no cleanup is in progress, and the driver does not own the socket. */
  readonly isReady: () => boolean
  readonly start: (query: Query, handler: ResultHandler) => InFlightQuery | undefined
}

/** Number of portals opened, for their names. */
let opened = 0

export const portalStream = (
  host: PortalHost,
  statement: Pick<Query, "sql" | "params">
): Stream.Stream<Row, SqlError> => {
  const start = (portal: Portal, handler: ResultHandler) =>
    host.start({ ...statement, named: false, form: "objects", portal }, handler)

  const run = (portal: Portal): Effect.Effect<InFlightQuery, SqlError> =>
    Effect.andThen(
      host.ready,
      Effect.callback<InFlightQuery, SqlError>((resume) => {
        if (!host.isReady())
          return resume(
            Effect.fail(notAnswered(new Error("LISTEN was called while a stream of a transaction was read")))
          )
        const inFlight = start(portal, {
          onSuccess: (result) => resume(Exit.succeed(result as InFlightQuery)),
          onFailure: (cause) => resume(failStatement(cause))
        })
        return Effect.sync(() => {
          // Not cancelled: that would fail the transaction. A rollback cancels what is in flight.
          if (inFlight !== undefined) inFlight.handler = undefined
        })
      })
    )

  return Stream.fromChannel(
    Channel.fromTransform((_upstream, scope) =>
      Effect.gen(function* () {
        const name = `p${++opened}`
        let next: Portal | undefined = { name, part: "open", maxRows: FIRST_ROWS, shape: undefined }
        // The end of the transaction closes the portal as well.
        const close = Effect.sync(() => {
          if (next?.part !== "open" && host.isReady())
            start({ name, part: "close", maxRows: 0, shape: undefined }, { onSuccess: () => {}, onFailure: () => {} })
        })
        yield* Scope.addFinalizer(scope, close)
        const pull: Effect.Effect<NonEmptyReadonlyArray<Row>, SqlError | Cause.Done> = Effect.suspend(() => {
          if (next === undefined) return Cause.done()
          const portal = next
          next = { ...portal, part: "fetch", maxRows: Math.min(2 * portal.maxRows, MAX_ROWS) }
          return Effect.flatMap(run(portal), ({ isSuspended, objects, shape }) => {
            next = isSuspended && next !== undefined ? { ...next, shape } : undefined
            return isReadonlyArrayNonEmpty(objects) ? Effect.succeed(objects) : pull
          })
        })
        return pull
      })
    )
  )
}
