/** Sessions and backends in the texts of findings. */
import type { Backend, Owner } from "../monitor/DatabaseView.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import { shortStatement } from "../../stats/StatementText.ts"

/** The holder of a session and its current or last statement. */
export const holderOf = ({ holder, runningMillis, statement }: SessionEntry): string => {
  const text = shortStatement(statement ?? "")
  const activity = text === "" ? "" : runningMillis === undefined ? `, last ran: ${text}` : `, running: ${text}`
  return `${holder ?? "the pool itself"}${activity}`
}

const owners: { readonly [O in Owner]: string } = {
  ours: "of this application's name",
  pooler: "of the pooler",
  others: "of another client"
}

/** A connection of the server; one of this pool with its holder. */
export const backendOf = (backend: Omit<Backend, "millis">, sessions: ReadonlyArray<SessionEntry>): string => {
  const entry = sessions.find(({ backendPid }) => backendPid === backend.pid)
  if (entry !== undefined) return `backend ${backend.pid} of this pool, held by ${holderOf(entry)}`
  const name = backend.application === null || backend.application === "" ? "" : ` (${backend.application})`
  return `backend ${backend.pid} ${owners[backend.owner]}${name}, role ${backend.user ?? "unknown"}`
}
