/** How the rules put numbers, sessions and names. */
import type { Backend, Owner } from "../monitor/DatabaseView.ts"
import type { LedgerEntry } from "../../pool/Ledger.ts"

/** A statement is cut here, in characters: enough to recognise one. */
const STATEMENT_WORDS = 80

/** Of many alike the first few are named. */
const MOST_NAMED = 3

/** `1 session`, `2 sessions`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`

/** The first few, and how many more there are. */
export const listed = (items: ReadonlyArray<string>): string => {
  const rest = items.length - MOST_NAMED
  return items.slice(0, MOST_NAMED).join("; ") + (rest > 0 ? `; and ${rest} more` : "")
}

/** One line of a statement; it has placeholders, never values. */
const shortened = (statement: string | undefined): string => {
  const text = (statement ?? "").replaceAll(/\s+/g, " ").trim()
  return text.length > STATEMENT_WORDS ? `${text.slice(0, STATEMENT_WORDS)}...` : text
}

/** Who holds a session of the pool and what it runs, or ran last. */
export const holderOf = ({ holder, runningMillis, statement }: LedgerEntry): string => {
  const text = shortened(statement)
  const doing = text === "" ? "" : runningMillis === undefined ? `, last ran: ${text}` : `, running: ${text}`
  return `${holder ?? "the pool itself"}${doing}`
}

const owners: { readonly [O in Owner]: string } = {
  ours: "of this application's name",
  pooler: "of the pooler",
  others: "of another client"
}

/** A connection of the server, by what identifies it there; for one of this pool also who holds it. */
export const backendOf = (backend: Omit<Backend, "millis">, ledger: ReadonlyArray<LedgerEntry>): string => {
  const entry = ledger.find(({ backendPid }) => backendPid === backend.pid)
  if (entry !== undefined) return `backend ${backend.pid} of this pool, held by ${holderOf(entry)}`
  const name = backend.application === null || backend.application === "" ? "" : ` (${backend.application})`
  return `backend ${backend.pid} ${owners[backend.owner]}${name}, role ${backend.user ?? "unknown"}`
}
