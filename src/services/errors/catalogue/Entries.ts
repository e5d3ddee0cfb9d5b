import type { CatalogueEntry } from "./Entry.ts"
import { conversionEntries, genericEntries, loginEntries, transactionEntries } from "./GenericEntries.ts"
import { nodeEntries } from "./NodeEntries.ts"
import { pgbouncerEntries } from "./PgBouncerEntries.ts"
import { postgresSessionEntries } from "./PostgresSessionEntries.ts"
import { postgresStatementEntries } from "./PostgresStatementEntries.ts"
import { supavisorAccessEntries } from "./SupavisorAccessEntries.ts"
import { supavisorPoolEntries } from "./SupavisorPoolEntries.ts"
import { supavisorStatementEntries } from "./SupavisorStatementEntries.ts"
import { supavisorTenantEntries } from "./SupavisorTenantEntries.ts"
import { tlsEntries } from "./TlsEntries.ts"

/** Every known failure; the specific entries of a sender come before its general ones. */
export const entries: ReadonlyArray<CatalogueEntry> = [
  ...supavisorPoolEntries,
  ...supavisorTenantEntries,
  ...supavisorAccessEntries,
  ...supavisorStatementEntries,
  ...postgresSessionEntries,
  ...pgbouncerEntries,
  ...loginEntries,
  ...conversionEntries,
  ...transactionEntries,
  ...postgresStatementEntries,
  ...tlsEntries,
  ...nodeEntries,
  ...genericEntries
]

const byCode: ReadonlyMap<string, CatalogueEntry> = new Map(entries.map((entry) => [entry.code, entry]))

/** The entry of a code, as `SessionError.code` carries it. */
export const entryOf = (code: string | undefined): CatalogueEntry | undefined =>
  code === undefined ? undefined : byCode.get(code)
