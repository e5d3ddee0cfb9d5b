import * as Net from "node:net"

/**
 * The kind of server at an address, as far as host and port determine it.
 *
 * Supabase documents four: the shared pooler in session mode (port 5432) and in transaction mode (port 6543), the
 * database itself (`db.REF.supabase.co:5432`), and the dedicated pooler beside it (`db.REF.supabase.co:6543`).
 * Source: Supabase docs, guides/database/connecting-to-postgres.
 */
export type HostKind = "session-pooler" | "transaction-pooler" | "direct" | "dedicated-pooler" | "loopback" | "unknown"

/** The port of PostgreSQL, and of Supavisor's session listener (Supavisor 2.9 source, runtime.exs). */
export const SESSION_PORT = 5432

/** The port of Supavisor's transaction listener (Supavisor 2.9 source, runtime.exs) and of the dedicated pooler. */
export const TRANSACTION_PORT = 6543

const POOLER_HOST = /^[a-z0-9-]+\.pooler\.supabase\.com\.?$/i
const DATABASE_HOST = /^db\.([a-z0-9]+)\.supabase\.co\.?$/i
const API_HOST = /^[a-z0-9]+\.supabase\.co\.?$/i
const LOOPBACK_HOST = /^(?:(?:.+\.)?localhost\.?|(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|(?:0+:){7}0*1)$/i
const ASCII_NAME = /^\w[\w.-]*$/

/** True for the shared pooler's hosts, whichever the port. */
export const isPoolerHost = (host: string): boolean => POOLER_HOST.test(host)

/** True for `db.REF.supabase.co`, which serves the database and the dedicated pooler. */
export const isDatabaseHost = (host: string): boolean => DATABASE_HOST.test(host)

/** True for `REF.supabase.co`, which serves the HTTP API and accepts no PostgreSQL connections. */
export const isApiHost = (host: string): boolean => API_HOST.test(host)

/** Compiled on use: an expression with Unicode's classes takes a millisecond to compile, and few hosts need it. */
const isUnicodeName = (host: string): boolean => /^[\p{L}\p{N}_][\p{L}\p{N}\p{M}._-]*$/u.test(host)

/** True when a text can be the name or the address of a host; IPv6 addresses without their brackets. */
export const isHost = (host: string): boolean => ASCII_NAME.test(host) || Net.isIPv6(host) || isUnicodeName(host)

/** True for the directory of a Unix socket, as libpq takes it for a host: an absolute path. */
export const isSocketDirectory = (host: string): boolean => /^\/[^\0\n,]*$/.test(host)

/** The project reference inside `db.REF.supabase.co`, if it is such a host. */
export const projectRefOfHost = (host: string): string | undefined => DATABASE_HOST.exec(host)?.[1]

/** The kind of server at host and port; `unknown` for an address that is neither Supabase's nor this machine. */
export const hostKind = (host: string, port: number): HostKind => {
  if (isPoolerHost(host)) {
    if (port === SESSION_PORT) return "session-pooler"
    return port === TRANSACTION_PORT ? "transaction-pooler" : "unknown"
  }
  if (isDatabaseHost(host)) return port === TRANSACTION_PORT ? "dedicated-pooler" : "direct"
  return LOOPBACK_HOST.test(host) || isSocketDirectory(host) ? "loopback" : "unknown"
}
