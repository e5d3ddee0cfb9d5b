/** Whom a startup message means (Supavisor 2.9 source, handler_helpers.ex and tenants.ex). */
import type { Startup } from "./FirstPacket.ts"
import * as Refusal from "./Refusal.ts"
import type { Tenant } from "./Tenant.ts"

export interface Found {
  readonly tenant: Tenant
  readonly role: string
}

/** Role and database names: 1 to 63 bytes, all of them printable. */
const MAX_NAME_BYTES = 63

const isName = (name: string): boolean =>
  name !== "" && Buffer.byteLength(name) <= MAX_NAME_BYTES && !/[\p{Cc}\p{Cn}]/u.test(name)

/** By `options=reference`, else by what follows the last dot of the user name, else by the TLS server name. */
export const findTenant = (
  tenants: ReadonlyArray<Tenant>,
  startup: Startup,
  serverName: string | undefined
): Found | Refusal.Refusal => {
  const { database, user } = startup
  const reference = startup.options.get("reference")
  const dot = user.lastIndexOf(".")
  const split = reference === undefined && dot >= 0
  const role = split ? user.slice(0, dot) : user
  if (!isName(role) || (database !== undefined && !isName(database))) return Refusal.invalidUserInfo
  const wanted = split ? user.slice(dot + 1) : reference
  if (wanted === undefined) {
    const named = tenants.find((tenant) => serverName !== undefined && tenant.sniHostname === serverName)
    return named === undefined ? Refusal.noIdentifier : { tenant: named, role }
  }
  const tenant = tenants.find((candidate) => candidate.reference === wanted)
  return tenant === undefined ? Refusal.tenantNotFound(role, wanted) : { tenant, role }
}
