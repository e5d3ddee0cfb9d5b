/** The sessions with their holders and statements, and the callers that wait for a session. */
import { byId, setAttribute } from "./Dom.js"
import { age, count, duration, NOTHING } from "./Format.js"
import { makeTable } from "./Table.js"

/** @import { StatusBody, StatusSession, StatusWaiter } from "../StatusSchema.ts" */
/** @import { Column } from "./Table.js" */

/** @param {string | null | undefined} text */
const oneLine = (text) => (text === null || text === undefined || text === "" ? NOTHING : text.replaceAll(/\s+/g, " "))

/** @type {ReadonlyArray<Column<StatusSession>>} */
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

/** @type {ReadonlyArray<Column<StatusWaiter>>} */
const waiterColumns = [
  { title: "Caller", kind: "long holder", text: ({ holder }) => oneLine(holder) },
  { title: "Waits for", kind: "number", text: ({ waitingMillis }) => duration(waitingMillis) },
  { title: "Gives up in", kind: "number", text: ({ deadlineMillis }) => duration(deadlineMillis) }
]

/** Long texts are cut until the button is pressed. */
const startFullTexts = () => {
  const button = byId("whole")
  button.addEventListener("click", () => {
    const isFull = byId("sessions").classList.toggle("whole")
    setAttribute(button, "aria-pressed", String(isFull))
  })
}

export const makeSessions = () => {
  startFullTexts()
  const sessions = makeTable(byId("sessions"), {
    caption: "Sessions of the pool",
    empty: "No session is open.",
    columns: sessionColumns,
    key: ({ sessionId }) => sessionId
  })
  const waiters = makeTable(byId("waiters"), {
    caption: "Callers that wait for a session, the oldest first",
    empty: "No caller waits.",
    columns: waiterColumns,
    key: (_, index) => index
  })
  /** @param {StatusBody} status */
  return ({ sessions: open, waiters: queue }) => {
    sessions(open.toSorted((one, other) => one.sessionId - other.sessionId))
    waiters(queue)
  }
}
