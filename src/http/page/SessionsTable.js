/** The sessions that stand, who holds them and what they run; and the callers that wait for one. */
import { byId, setAttribute } from "./Dom.js"
import { age, count, duration, NOTHING } from "./Format.js"
import { makeTable } from "./Table.js"

/** @import { Status, LedgerEntry } from "./Messages.ts" */
/** @import { Column } from "./Table.js" */

/** @typedef {Status["waiters"][number]} WaiterEntry */

/** @param {string | null | undefined} text */
const oneLine = (text) => (text === null || text === undefined || text === "" ? NOTHING : text.replaceAll(/\s+/g, " "))

/** @type {ReadonlyArray<Column<LedgerEntry>>} */
const sessionColumns = [
  { title: "Session", kind: "number", text: ({ sessionId }) => String(sessionId) },
  { title: "Backend", kind: "number", text: ({ backendPid }) => String(backendPid) },
  { title: "State", kind: "state", text: ({ state }) => state, mark: ({ state }) => state },
  { title: "Age", kind: "number", text: ({ ageMillis }) => age(ageMillis) },
  { title: "Idle", kind: "number", text: ({ idleMillis }) => age(idleMillis) },
  { title: "Uses", kind: "number", text: ({ uses }) => count(uses) },
  { title: "Held by", kind: "long holder", text: ({ holder }) => oneLine(holder) },
  { title: "Held for", kind: "number", text: ({ heldMillis }) => duration(heldMillis) },
  { title: "Statement", kind: "long statement", text: ({ statement }) => oneLine(statement) },
  { title: "Runs for", kind: "number", text: ({ runningMillis }) => duration(runningMillis) },
  {
    title: "Last error",
    kind: "long error",
    text: ({ lastError }) => oneLine(lastError),
    mark: ({ lastError }) => (lastError === null ? undefined : "error")
  }
]

/** @type {ReadonlyArray<Column<WaiterEntry>>} */
const waiterColumns = [
  { title: "Caller", kind: "long holder", text: ({ holder }) => oneLine(holder) },
  { title: "Waits for", kind: "number", text: ({ waitingMillis }) => duration(waitingMillis) },
  { title: "Gives up in", kind: "number", text: ({ deadlineMillis }) => duration(deadlineMillis) }
]

/** Long texts are cut at the end of their cell until somebody wants to read them. */
const startWhole = () => {
  const button = byId("whole")
  button.addEventListener("click", () => {
    const isWhole = byId("sessions").classList.toggle("whole")
    setAttribute(button, "aria-pressed", String(isWhole))
  })
}

/** Makes a function that shows sessions and waiters. */
export const makeSessions = () => {
  startWhole()
  const sessions = makeTable(byId("sessions"), {
    caption: "Sessions of the pool",
    empty: "No session stands.",
    columns: sessionColumns,
    key: ({ sessionId }) => sessionId
  })
  const waiters = makeTable(byId("waiters"), {
    caption: "Callers that wait for a session, the oldest first",
    empty: "Nobody waits.",
    columns: waiterColumns,
    key: (_, index) => index
  })
  /** @param {Status} status */
  return ({ ledger, waiters: queue }) => {
    sessions(ledger.toSorted((one, other) => one.sessionId - other.sessionId))
    waiters(queue)
  }
}
