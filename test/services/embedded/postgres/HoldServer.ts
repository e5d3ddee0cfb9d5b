/** A program that runs an embedded server until a signal, for tests that kill and interrupt it. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import { EmbeddedPostgres } from "../../../../src/services/embedded/EmbeddedPostgres.ts"

const say = (facts: object) => Effect.sync(() => process.stdout.write(`${JSON.stringify(facts)}\n`))

const program = Effect.gen(function* () {
  const server = yield* EmbeddedPostgres.make()
  const connection = yield* PgConnection.make({ url: server.url })
  yield* Effect.addFinalizer(() =>
    connection.query("select 'answered' as reply").pipe(
      Effect.flatMap((result) => say({ whileDraining: result.rows[0]?.["reply"] })),
      Effect.catch((error) => say({ whileDraining: error.message }))
    )
  )
  yield* say({ pid: yield* server.pid, dataDirectory: server.dataDirectory, uid: process.getuid?.() })
  return yield* Effect.never
})

NodeRuntime.runMain(Effect.scoped(program))
