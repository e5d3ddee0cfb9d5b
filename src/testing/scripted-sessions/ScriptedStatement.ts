/** A statement that was asked of a scripted session without a fiber of the asker's. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { SqlError } from "effect/sql/SqlError"
import type { Result } from "@effect/sql-pg/PgConnection"
import type { Answer, Asked, Asker } from "../../services/wire/query/Query.ts"

const answerOf = (result: Result): Answer => ({
  objects: result.rows,
  values: result.rows.map((row) => Object.values(row)),
  result
})

export class ScriptedStatement implements Asked {
  asker: Asker | undefined
  private readonly fiber: Fiber.Fiber<Result, SqlError>

  constructor(
    run: Effect.Effect<Result, SqlError>,
    asker: Asker,
    { context, now }: { readonly context: Context.Context<never>; readonly now: () => number }
  ) {
    this.asker = asker
    this.fiber = Effect.runForkWith(context)(run)
    this.fiber.addObserver((exit) => {
      if (exit._tag === "Success") this.asker?.told(answerOf(exit.value), now())
      else this.asker?.refused(exit.cause)
    })
  }

  /** Nobody waits for it any more. */
  abandon(): void {
    this.asker = undefined
    this.fiber.interruptUnsafe()
  }
}
