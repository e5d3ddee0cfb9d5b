/** A statement that was asked of a scripted session without a fiber of the asker's. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { SqlError } from "effect/sql/SqlError"
import type { Result } from "@effect/sql-pg/PgConnection"
import type { Answer, Asked, Asker } from "../../services/Session.ts"

const answerOf = (result: Result): Answer => ({
  objects: result.rows,
  values: result.rows.map((row) => Object.values(row)),
  result
})

export class ScriptedStatement implements Asked {
  asker: Asker | undefined
  private readonly fiber: Fiber.Fiber<Result, SqlError>

  constructor(run: Effect.Effect<Result, SqlError>, asker: Asker, context: Context.Context<never>) {
    this.asker = asker
    this.fiber = Effect.runForkWith(context)(run)
    this.fiber.addObserver((exit) => this.asker?.told(Exit.map(exit, answerOf)))
  }

  /** Nobody waits for it any more. */
  abandon(): void {
    this.asker = undefined
    this.fiber.interruptUnsafe()
  }
}
