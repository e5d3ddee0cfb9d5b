/** The session: proved, not believed from the port. */
import * as Effect from "effect/Effect"
import { SessionError } from "../../errors/SessionError.ts"
import { openSecond } from "./Client.ts"
import { type Check, type Examination, failed, type Finding, wordFailure, type Client } from "./DoctorContext.ts"
import { followTraces, modeContradiction, type Traces } from "./SessionProof.ts"
import { listed } from "../../errors/Wording.ts"

const WITHOUT_A_SESSION =
  "a setting, a prepared statement, a temporary table, LISTEN and advisory locks do not outlive a transaction"

const inTransactionMode = (examination: Examination, target: string, why: string): Finding => {
  if (examination.settings.connectionType === "supavisor_transaction") {
    return { target, status: "pass", details: `transaction mode, as configured: ${why}; ${WITHOUT_A_SESSION}` }
  }
  const error = SessionError.connectFailed({
    host: examination.connection.host,
    port: examination.connection.port,
    phase: "session",
    elapsedMillis: 0,
    failure: { errno: "TRANSACTION_MODE" }
  })
  return failed(examination, error, { target }, `; ${why}; ${WITHOUT_A_SESSION}`)
}

const traceLoss = (target: string, { lost }: Traces): Finding => ({
  target,
  status: "fail",
  details: `the backend stays the same and ${listed(lost)} did not outlive its transaction`,
  action: {
    text: "Something between here and PostgreSQL resets sessions: look at server_reset_query_always and the like of the pooler.",
    commands: []
  }
})

const wordSecond = ({ backend, secondRefusal }: Examination, second: Client | undefined): string => {
  const pid = backend?.pid ?? 0
  if (second !== undefined) return `backend ${pid} stayed beside a second connection`
  return `backend ${pid} stayed; no second connection was granted (${secondRefusal === undefined ? "" : wordFailure(secondRefusal)}), so a transaction mode that rests is not ruled out`
}

const proved = (examination: Examination, target: string, traces: Traces, second: Client | undefined): Finding => {
  const kept = traces.kept.length === 0 ? "" : `; ${listed(traces.kept)} outlived their transactions`
  const refused = traces.refused.length === 0 ? "" : `; this role may not make ${listed(traces.refused)}`
  const itself = examination.isServerItself ? "; PostgreSQL itself gave the key, no pooler is in between" : ""
  const details = `${wordSecond(examination, second)}${kept}${refused}${itself}`
  if (examination.settings.connectionType === "supavisor_transaction") {
    return { target, status: "info", details: `a session is kept although transaction mode is configured: ${details}` }
  }
  return { target, status: second === undefined && !examination.isServerItself ? "warn" : "pass", details }
}

/** Proves the mode, and looks for what a session has to keep. */
export const checkSession: Check = (examination, say) =>
  Effect.gen(function* () {
    const { backend, client, now, settings } = examination
    if (client === undefined || backend === undefined) return
    const began = now()
    const target = settings.connectionType
    yield* openSecond(examination)
    const { second } = examination
    const why = second === undefined ? undefined : yield* modeContradiction(client, backend, second)
    if (why !== undefined) {
      examination.keepsSession = false
      return yield* say({ ...inTransactionMode(examination, target, why), millis: now() - began })
    }
    const traces = yield* followTraces(client, second)
    examination.keepsSession = traces.lost.length === 0
    const finding = traces.lost.length > 0 ? traceLoss(target, traces) : proved(examination, target, traces, second)
    return yield* say({ ...finding, millis: now() - began })
  })
