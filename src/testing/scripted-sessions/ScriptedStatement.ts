/** A statement that was asked of a scripted session without a fiber of the asker's. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { SqlError } from "effect/sql/SqlError"
import type { Result } from "@effect/sql-pg/PgConnection"
import type { QueryResult, QueryHandle, ResultHandler } from "../../services/wire/query/Query.ts"

const answerOf = (result: Result): QueryResult => ({
  objects: result.rows,
  values: result.rows.map((row) => Object.values(row)),
  result
})

export class ScriptedStatement implements QueryHandle {
  handler: ResultHandler | undefined
  private readonly fiber: Fiber.Fiber<Result, SqlError>

  constructor(
    run: Effect.Effect<Result, SqlError>,
    asker: ResultHandler,
    { context, now }: { readonly context: Context.Context<never>; readonly now: () => number }
  ) {
    this.handler = asker
    this.fiber = Effect.runForkWith(context)(run)
    this.fiber.addObserver((exit) => {
      if (exit._tag === "Success") this.handler?.onSuccess(answerOf(exit.value), now())
      else this.handler?.onFailure(exit.cause)
    })
  }

  /** Nobody waits for it any more. */
  abandon(): void {
    this.handler = undefined
    this.fiber.interruptUnsafe()
  }
}
