import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"

const program = Effect.gen(function* () {
  const sql = yield* SqlClient
  const [row] = yield* sql`select current_user as "user", version() as version`
  yield* Console.log(row)
})

// Reads SUPABASE_SESSION_POOLER and the other settings from the environment.
NodeRuntime.runMain(program.pipe(Effect.provide(SupavisorLayer.layerEnv())))
