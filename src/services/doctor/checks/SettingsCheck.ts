/** The session's settings: applied as the pool applies them, and read back from the server. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { applyStatement, readFacts, settingsOf, unapplied } from "../../session/SessionSettings.ts"
import { APPLICATION_NAME, rowsOf } from "./Client.ts"
import type { CheckFunction } from "./DoctorContext.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** The value a new session of this role starts with, whatever was set since (PostgreSQL docs, pg_settings). */
const ROLE_TIMEOUT = "select reset_val::int as millis from pg_settings where name = 'statement_timeout'"

/** The doctor's session must not pass for one of the application's in what is counted later. */
const RENAME = "select set_config('application_name', $1, false)"

/** Applies and verifies every setting on the doctor's own session. */
export const checkSettings: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { client, connection, keepsSession, now, settings } = context
    if (client === undefined) return
    const target = "session settings"
    if (settings.connectionType === "supavisor_transaction" || keepsSession === false) {
      return yield* emit({ target, status: "skip", details: "transaction mode keeps no settings" })
    }
    const began = now()
    const wanted = settingsOf(settings, connection)
    const { params, sql } = applyStatement(wanted)
    const rows = yield* rowsOf(client, sql, params)
    const facts = readFacts(wanted, rows[0] ?? {})
    const millis = now() - began
    yield* rowsOf(client, RENAME, [APPLICATION_NAME])
    const refused = unapplied(facts)
    if (refused.length > 0) {
      const list = refused.map(([name, asked, effective]) => `${name} is ${effective} instead of ${asked}`).join(", ")
      const text = "Ask the operator of the server or pooler why these settings do not hold, or leave them out."
      return yield* emit({ target, status: "fail", millis, details: list, action: { text, commands: [] } })
    }
    const effective = facts.applied.map(([name, , value]) => `${name} ${value}`).join(", ")
    yield* emit({ target, status: "pass", millis, details: `${effective}; applied by SQL and read back` })
    const role = Number((yield* rowsOf(client, ROLE_TIMEOUT))[0]?.["millis"] ?? 0)
    const ours = Duration.toMillis(settings.statementTimeout)
    if (role > 0 && role !== ours) {
      yield* emit({
        target: "statement_timeout",
        status: "info",
        details:
          `the role starts with ${role / MILLIS_PER_SECOND} s; sessions of the pool run with ` +
          `${ours / MILLIS_PER_SECOND} s (DB_STATEMENT_TIMEOUT), other programs are stopped after the role's`
      })
    }
  })
