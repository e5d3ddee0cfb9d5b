/** Effect's own client, `PgClient.layer`. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as PgClient from "@effect/sql-pg/PgClient"
import type { Contender } from "../Contender.ts"
import { effectContender } from "../EffectContender.ts"
import { sqlOperations } from "./SqlOperations.ts"

export const pgClient = (options: Pick<PgClient.PgClientConfig, "multiplex">): Contender =>
  effectContender(({ sessions, url }) =>
    Effect.map(
      Layer.build(
        PgClient.layer({
          ...options,
          url: Redacted.make(url),
          maxConnections: sessions,
          // Keeps idle sessions open during a run, as the other clients do.
          minConnections: sessions
        })
      ),
      (context) => {
        const sql = Context.get(context, PgClient.PgClient)
        return { operations: sqlOperations(sql), session: sql.reserve }
      }
    )
  )

export const contender = pgClient({})
