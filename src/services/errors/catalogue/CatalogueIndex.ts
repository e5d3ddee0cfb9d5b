/** The entries by the signs that a failure is known by. */
import { entries } from "./Entries.ts"
import type { CatalogueEntry } from "./Entry.ts"

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
   * Without a SQLSTATE the texts of senders that have none come first: `connect timeout` is Node's before
   * PgBouncer's.
   */
  readonly spoken: ReadonlyArray<Known>
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

export const isStateless = (item: Known): boolean => item.entry.signs.sqlState === undefined

const build = (): CatalogueIndex => {
  const known = entries.map((entry) => ({ entry, texts: (entry.signs.texts ?? []).map(toPattern) }))
  return {
    byPoolerCode: indexBy(known, (entry) => optional(entry.signs.poolerCode)),
    bySqlState: indexBy(known, (entry) => optional(entry.signs.sqlState)),
    byErrno: indexBy(known, (entry) => entry.signs.errno ?? []),
    spoken: known
      .filter((item) => item.texts.length > 0)
      .toSorted((a, b) => Number(isStateless(b)) - Number(isStateless(a)))
  }
}

let built: CatalogueIndex | undefined

/** The index; put together for the first failure that is classified, because most processes start without one. */
export const catalogueIndex = (): CatalogueIndex => (built ??= build())
