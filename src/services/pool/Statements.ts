/** Single statements of callers: each on a session of its own, or on one that it shares, as the caller wants. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Row } from "@effect/sql-pg/PgConnection"
import { DirectStatement, type Transform } from "./DirectStatement.ts"
import type { Holder } from "./core/Lease.ts"
import type { PoolRuntime } from "./PoolRuntime.ts"
import { SharedStatement } from "./SharedStatement.ts"
import { isQuick } from "./StatementSpeed.ts"

/** Runs one statement for a holder, outside of transactions, failing in the words of Effect SQL. */
export type RunStatement = (
  holder: Holder,
  sql: string,
  params: ReadonlyArray<unknown>,
  options?: { readonly transform?: Transform; readonly isShared?: boolean | undefined }
) => Effect.Effect<ReadonlyArray<Row>, SqlError>

export const runStatement =
  (runtime: PoolRuntime): RunStatement =>
  (holder, sql, params, options) =>
    Effect.callback<ReadonlyArray<Row>, SqlError>((resume) => {
      const { pipeline } = runtime
      const mayShare = options?.isShared ?? runtime.config.pool.pipeline > 0
      const speed = mayShare ? pipeline.speed.of(sql) : undefined
      const parts = { sql, params, transform: options?.transform, speed, resume }
      const shares = speed !== undefined && isQuick(speed)
      const statement = shares
        ? new SharedStatement(runtime, holder, parts)
        : new DirectStatement(runtime, holder, parts)
      statement.run()
      return Effect.sync(() => statement.letGo())
    })
