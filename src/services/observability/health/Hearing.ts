/** What the work of those who hold the sessions tells about the server, when no session is free to ask it: pure. */
import { wordMillis } from "../../errors/catalogue/Wording.ts"
import type { LedgerEntry } from "../../pool/Ledger.ts"
import type { CheckOutcome } from "./HealthEvidence.ts"
import { unanswered } from "./Health.ts"

/** How long the server may take to answer, in milliseconds: as long as before a session is lent. */
export const PROBE_BOUND_MILLIS = 2000

/** Milliseconds since the server was last heard of on any session; infinity without any. */
const silenceOf = (ledger: ReadonlyArray<LedgerEntry>): number =>
  ledger.reduce(
    (least, { silentMillis, state }) => (state === "closing" ? least : Math.min(least, silentMillis)),
    Number.POSITIVE_INFINITY
  )

/** Whether the server was heard of less than so many milliseconds ago. */
export const isHeard = (ledger: ReadonlyArray<LedgerEntry>, withinMillis: number): boolean =>
  silenceOf(ledger) < withinMillis

/**
 * The outcome of listening: answered when the server was heard of since the last check, unanswered when statements wait
 * and it has said nothing on any session for longer than a probe may take.
 */
export const listen = (ledger: ReadonlyArray<LedgerEntry>, sinceMillis: number): CheckOutcome => {
  if (isHeard(ledger, sinceMillis)) return { _tag: "Answered", latencyMillis: undefined }
  const silent = silenceOf(ledger)
  const waits = ledger.some(({ runningMillis }) => (runningMillis ?? 0) > PROBE_BOUND_MILLIS)
  return waits && silent > PROBE_BOUND_MILLIS
    ? {
        _tag: "Unanswered",
        error: unanswered(`Statements wait and the server has said nothing on any session for ${wordMillis(silent)}`)
      }
    : { _tag: "Unasked" }
}
