import type { CatalogueEntry, Classified, FailureFacts } from "./Entry.ts"
import { redactForeignText, printAddresses } from "./RedactedText.ts"
import { connectUnknown, poolerUnknown, serverError, serverFatal, systemUnknown, unknown } from "./GenericEntries.ts"
import { isConnecting } from "./FailureFacts.ts"
import { entries } from "./Entries.ts"

/** An entry with its texts as patterns. */
export interface Known {
  readonly entry: CatalogueEntry
  readonly texts: ReadonlyArray<RegExp>
}

type ByKey = ReadonlyMap<string, ReadonlyArray<Known>>

interface CatalogueIndex {
  readonly byPoolerCode: ByKey
  readonly bySqlState: ByKey
  readonly byErrno: ByKey
  /**
   * Entries without a SQLSTATE come first: without one, `connect timeout` is Node's message before PgBouncer's.
   */
  readonly byText: ReadonlyArray<Known>
}

const toPattern = (text: string): RegExp =>
  new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/<[a-z_ ]+>/g, ".*")}`, "i")

const indexBy = (known: ReadonlyArray<Known>, keysOf: (entry: CatalogueEntry) => ReadonlyArray<string>): ByKey => {
  const index = new Map<string, Array<Known>>()
  for (const item of known) {
    for (const key of keysOf(item.entry)) {
      const list = index.get(key)
      if (list === undefined) index.set(key, [item])
      else list.push(item)
    }
  }
  return index
}

const optional = (key: string | undefined): ReadonlyArray<string> => (key === undefined ? [] : [key])

const isStateless = (item: Known): boolean => item.entry.matchers.sqlState === undefined

const build = (): CatalogueIndex => {
  const known = entries.map((entry) => ({ entry, texts: (entry.matchers.texts ?? []).map(toPattern) }))
  return {
    byPoolerCode: indexBy(known, (entry) => optional(entry.matchers.poolerCode)),
    bySqlState: indexBy(known, (entry) => optional(entry.matchers.sqlState)),
    byErrno: indexBy(known, (entry) => entry.matchers.errno ?? []),
    byText: known
      .filter((item) => item.texts.length > 0)
      .toSorted((a, b) => Number(isStateless(b)) - Number(isStateless(a)))
  }
}

let built: CatalogueIndex | undefined

/** The index, built for the first failure that is classified: most processes start without one. */
const catalogueIndex = (): CatalogueIndex => (built ??= build())

const poolerCodePattern = /^\((E[A-Z]+)\) /

const poolSizePattern = /^\(EMAXCONNSESSION\).*pool_size: (\d{1,9})/

/** SQLSTATEs that poolers send with severity ERROR: PgBouncer's, Supavisor's default, its statement cache's two. */
const poolerStates: ReadonlySet<string> = new Set(["08P01", "XX000", "42P05", "26000"])

/** A statement can raise any text with severity ERROR, so only its SQLSTATE shows that a pooler sent it. */
const mayBePooler = (facts: FailureFacts): boolean =>
  facts.severity?.toUpperCase() !== "ERROR" || poolerStates.has(facts.sqlState ?? "")

const isFatal = (facts: FailureFacts): boolean => {
  const severity = facts.severity?.toUpperCase()
  return severity === undefined ? isConnecting(facts.phase) : severity === "FATAL" || severity === "PANIC"
}

const fits = ({ entry, texts }: Known, facts: FailureFacts, text: string): boolean => {
  const { authenticated, fatal, needsText } = entry.matchers
  return (
    (fatal === undefined || fatal === isFatal(facts)) &&
    (authenticated === undefined || authenticated === (facts.authenticated === true)) &&
    (needsText !== true || texts.some((pattern) => pattern.test(text)))
  )
}

const pick = (
  candidates: ReadonlyArray<Known> | undefined,
  facts: FailureFacts,
  text: string
): CatalogueEntry | undefined => candidates?.find((item) => fits(item, facts, text))?.entry

/** With a SQLSTATE only its own texts and those of entries without one are considered, its own first. */
const fromText = (facts: FailureFacts, text: string): CatalogueEntry | undefined => {
  const { sqlState } = facts
  const { bySqlState, byText } = catalogueIndex()
  const matches = (item: Known): boolean => item.texts.some((pattern) => pattern.test(text)) && fits(item, facts, text)
  if (sqlState === undefined) return byText.find(matches)?.entry
  const own = bySqlState.get(sqlState)?.find((item) => item.entry.matchers.needsText === true && matches(item))
  return (own ?? byText.find((item) => isStateless(item) && matches(item)))?.entry
}

const fromPooler = (facts: FailureFacts, text: string): CatalogueEntry | undefined => {
  if (!mayBePooler(facts)) return undefined
  const code = poolerCodePattern.exec(text)?.[1]
  if (code !== undefined) return pick(catalogueIndex().byPoolerCode.get(code), facts, text) ?? poolerUnknown
  return fromText(facts, text)
}

const fromSqlState = (facts: FailureFacts, text: string): CatalogueEntry | undefined => {
  if (facts.sqlState === undefined) return undefined
  const { bySqlState } = catalogueIndex()
  return (
    pick(bySqlState.get(facts.sqlState), facts, text) ??
    pick(bySqlState.get(facts.sqlState.slice(0, 2)), facts, text) ??
    (isFatal(facts) ? serverFatal : serverError)
  )
}

const fromSystem = (facts: FailureFacts): CatalogueEntry | undefined => {
  const text = facts.nodeMessage ?? ""
  if (facts.errno !== undefined) {
    const entry = pick(catalogueIndex().byErrno.get(facts.errno), facts, text)
    if (entry !== undefined) return entry
  }
  // A driver that drops the server's fields still repeats its text.
  return (
    (text === "" ? undefined : fromPooler(facts, text)) ?? (facts.syscall === undefined ? undefined : systemUnknown)
  )
}

const identify = (facts: FailureFacts): CatalogueEntry => {
  const text = facts.serverMessage ?? ""
  const entry = (text === "" ? undefined : fromPooler(facts, text)) ?? fromSqlState(facts, text) ?? fromSystem(facts)
  if (entry !== undefined) return entry
  if (text !== "") return isFatal(facts) ? serverFatal : serverError
  return isConnecting(facts.phase) ? connectUnknown : unknown
}

/**
 * Finds the entry of a failure by Supavisor's `(CODE)`, else by a text without a code, else by the SQLSTATE, else by
 * the errno; an unknown failure gets a general entry. Never throws.
 */
export const classify = (facts: FailureFacts): Classified => {
  const entry = identify(facts)
  const ceiling = poolSizePattern.exec(facts.serverMessage ?? "")?.[1]
  return {
    entry,
    ceiling: ceiling === undefined || !mayBePooler(facts) ? undefined : Number(ceiling),
    serverMessage:
      facts.serverMessage === undefined ? undefined : redactForeignText(printAddresses(facts.serverMessage))
  }
}
