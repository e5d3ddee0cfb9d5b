/** The sessions of one program on the test server, identified by its application name. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"

/** An environment that points a program at the test server under a name of its own. */
export const environmentOf = Effect.fnUntraced(function* (name: string, env: Readonly<Record<string, string>> = {}) {
  const { url } = yield* TestPostgres
  return { DATABASE_URL: Redacted.value(url), DB_APPLICATION_NAME: name, ...env }
})

/** Waits until the server has no session of this name any more. */
export const noBackendsOf = Effect.fnUntraced(function* (name: string) {
  const postgres = yield* TestPostgres
  const count = postgres.admin("select 1 from pg_stat_activity where application_name = $1", [name])
  yield* count.pipe(Effect.repeat({ until: (rows) => rows.length === 0 }), Effect.timeout("1 minute"))
})
