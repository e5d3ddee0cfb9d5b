/** Applies the session's settings as the pool does, and reads them back. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { advise } from "./Actions.ts"
import { applyStatement, readFacts, settingsOf, unapplied } from "../../session/SessionSettings.ts"
import { APPLICATION_NAME, rowsOf } from "./DoctorClient.ts"
import type { CheckFunction } from "./DoctorContext.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** The role's value for new sessions, whatever was set since (PostgreSQL docs, pg_settings). */
const ROLE_TIMEOUT = "select reset_val::int as millis from pg_settings where name = 'statement_timeout'"

/** Restores the name, so that the capacity check does not count the doctor's session as the application's. */
const RENAME = "select set_config('application_name', $1, false)"

/** Applies and verifies the settings on the doctor's connection. */
export const checkSettings: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { client, connection, keepsSession, now, settings } = context
  if (client === undefined) return
  const target = "session settings"
  if (settings.connectionType === "supavisor_transaction" || keepsSession === false) {
    return yield* emit({ target, status: "skip", details: "transaction mode does not keep settings" })
  }
  const started = now()
  const wanted = settingsOf(settings, connection)
  const { params, sql } = applyStatement(wanted)
  const rows = yield* rowsOf(client, sql, params)
  const facts = readFacts(wanted, rows[0] ?? {})
  const millis = now() - started
  yield* rowsOf(client, RENAME, [APPLICATION_NAME])
  const refused = unapplied(facts)
  if (refused.length > 0) {
    const details = refused.map(({ effective, name, wanted }) => `${name} is ${effective} instead of ${wanted}`)
    const text = "Ask the operator of the server or pooler why these settings have no effect, or remove them."
    return yield* emit({ target, status: "fail", millis, details: details.join(", "), action: advise(text) })
  }
  const applied = facts.applied.map(({ effective, name }) => `${name} ${effective}`).join(", ")
  yield* emit({ target, status: "pass", millis, details: `${applied}; applied with SQL and verified` })
  const role = Number((yield* rowsOf(client, ROLE_TIMEOUT))[0]?.["millis"] ?? 0)
  const ours = Duration.toMillis(settings.statementTimeout)
  if (role > 0 && role !== ours) {
    const details =
      `the role's default is ${role / MILLIS_PER_SECOND} s; sessions of the pool use ` +
      `${ours / MILLIS_PER_SECOND} s (DB_STATEMENT_TIMEOUT), other programs the role's`
    yield* emit({ target: "statement_timeout", status: "info", details })
  }
})
