/** The pool of Effect's own client, without the client: `PgPool.use` and `query`. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import * as PgPool from "@effect/sql-pg/PgPool"
import { effectContender } from "../EffectContender.ts"
import { sessionOperations } from "./SessionOperations.ts"

export const contender = effectContender(({ sessions, url }) =>
  Effect.map(PgPool.make({ url: Redacted.make(url), maxConnections: sessions, minConnections: sessions }), (pool) => ({
    operations: sessionOperations<PgConnection>(pool.use, (session, sql, values) =>
      Effect.map(session.query(sql, values), (result) => result.rows)
    ),
    lease: pool.use(() => Effect.void),
    session: pool.reserve
  }))
)
