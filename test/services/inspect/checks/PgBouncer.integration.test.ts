import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { checkIds } from "../../../../src/services/inspect/Inspector.ts"
import { behindPgBouncer } from "../../../pgbouncer/BehindPgBouncer.ts"
import { PgBouncer } from "../../../pgbouncer/PgBouncer.ts"
import { inspect } from "./TestInspector.ts"

behindPgBouncer("An inspector behind PgBouncer", (it) => {
  for (const [mode, connectionType] of [
    ["session", "supavisor_session"],
    ["transaction", "supavisor_transaction"]
  ] as const) {
    it.effect(`runs every check in ${mode} mode`, () =>
      Effect.gen(function* () {
        const bouncer = yield* PgBouncer.make({ pool_mode: mode })
        const found = yield* inspect({ url: bouncer.url, connectionType }, checkIds)
        assert.deepStrictEqual(
          found.map(({ check, reason, status }) => (status === "failed" ? `${check}: ${reason}` : check)),
          [...checkIds]
        )
      }).pipe(Effect.scoped)
    )
  }
})
