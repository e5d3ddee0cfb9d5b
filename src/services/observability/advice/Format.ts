/** How the rules put numbers, sessions and names. */
import type { Backend, Owner } from "../monitor/DatabaseView.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import { shortStatement } from "../../stats/StatementText.ts"

/** Who holds a session of the pool and what it runs, or ran last. */
export const holderOf = ({ holder, runningMillis, statement }: SessionEntry): string => {
  const text = shortStatement(statement ?? "")
  const doing = text === "" ? "" : runningMillis === undefined ? `, last ran: ${text}` : `, running: ${text}`
  return `${holder ?? "the pool itself"}${doing}`
}

const owners: { readonly [O in Owner]: string } = {
  ours: "of this application's name",
  pooler: "of the pooler",
  others: "of another client"
}

/** A connection of the server, by what identifies it there; for one of this pool also who holds it. */
export const backendOf = (backend: Omit<Backend, "millis">, ledger: ReadonlyArray<SessionEntry>): string => {
  const entry = ledger.find(({ backendPid }) => backendPid === backend.pid)
  if (entry !== undefined) return `backend ${backend.pid} of this pool, held by ${holderOf(entry)}`
  const name = backend.application === null || backend.application === "" ? "" : ` (${backend.application})`
  return `backend ${backend.pid} ${owners[backend.owner]}${name}, role ${backend.user ?? "unknown"}`
}
