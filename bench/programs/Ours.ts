/** Start to first row: this project's layer, each module imported by its path. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { SqlClient } from "effect/sql/SqlClient"
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"
import { reportFirstRow, url } from "./FirstRow.ts"

const program = Effect.gen(function* () {
  const sql = yield* SqlClient
  reportFirstRow(yield* sql`select id, name, balance from bench_point where id = ${1}`)
})

// Standard output is reserved for the measured figure.
const quiet = Layer.succeed(References.MinimumLogLevel, "None")

await Effect.runPromise(Effect.provide(program, SupavisorLayer.layer({ url }).pipe(Layer.provide(quiet))))
