/** What the server gives to a scripted session. */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { Notification, Result } from "@effect/sql-pg/PgConnection"
import type { SessionInfo } from "../../services/session/Session.ts"
import type { SessionScript } from "./Script.ts"
import type { TransactionBlock } from "./TransactionBlock.ts"

export interface ScriptedSessionParts {
  readonly info: SessionInfo
  readonly script: SessionScript
  readonly context: Context.Context<never>
  readonly now: () => number
  /** Answers a statement; dies on one that the script does not expect. */
  readonly answer: (
    sql: string,
    params: ReadonlyArray<unknown>,
    transaction: TransactionBlock
  ) => Effect.Effect<Result, SqlError>
  readonly listen: (channel: string) => Effect.Effect<Queue.Queue<Notification, SqlError>, never, Scope.Scope>
  /** Called once when the socket would be closed. */
  readonly gone: () => void
}
