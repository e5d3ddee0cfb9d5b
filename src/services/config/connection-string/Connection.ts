import * as Redacted from "effect/Redacted"
import { type HostKind, hostKind, isDatabaseHost, isPoolerHost, projectRefOfHost, SESSION_PORT } from "./HostKind.ts"
import type { Note } from "./Problem.ts"
import { readStartupOptions } from "./StartupOptions.ts"

/** The values of `sslmode`, weakest first, with libpq's meanings (PostgreSQL docs, libpq-ssl). */
export const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const

/** One of libpq's `sslmode` values. */
export type SslMode = (typeof sslModes)[number]

/** A parsed connection string: a plain value whose secrets are `Redacted`. */
export interface ConnectionString {
  /** Name, address (IPv6 without brackets), or the directory of a Unix socket, which starts with `/`. */
  readonly host: string
  readonly port: number
  readonly database: string
  /** The user as sent on the wire, e.g. `postgres.abcdefghijklmnopqrst`. */
  readonly username: string
  /** The role inside the database, e.g. `postgres`. */
  readonly role: string
  readonly projectRef: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
  readonly kind: HostKind
  /** Present only when the text has the parameter. */
  readonly sslMode: SslMode | undefined
  readonly sslRootCert: string | undefined
  readonly sslCert: string | undefined
  readonly sslKey: string | undefined
  /** The passphrase of the private key, libpq's `sslpassword`. */
  readonly sslPassword: Redacted.Redacted<string> | undefined
  readonly applicationName: string | undefined
  /** Whole seconds, at least 1. */
  readonly connectTimeoutSeconds: number | undefined
  readonly searchPath: string | undefined
  /** The raw `options` parameter; it must be sent when it has `reference=`. */
  readonly options: string | undefined
  /** Problems that do not prevent its use. */
  readonly notes: ReadonlyArray<Note>
}

/**
 * The fields a connection is made from; only the host is needed.
 *
 * `port` defaults to 5432. Give either `username`, as sent on the wire, or `role` and `projectRef`, from which it is
 * composed; without any the role is `postgres`. `database` defaults to `postgres` on Supabase's hosts and to the role
 * elsewhere (libpq's rule).
 */
export interface Parts extends Optional<
  Omit<ConnectionString, "host" | "kind" | "notes" | "password" | "sslPassword">
> {
  readonly host: string
  readonly password?: string | Redacted.Redacted<string> | undefined
  readonly sslPassword?: string | Redacted.Redacted<string> | undefined
}

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** The role that owns a new Supabase project's database, and the superuser of most local servers. */
export const DEFAULT_ROLE = "postgres"

const SUPABASE_DATABASE = "postgres"
const CLUSTER_MARK = ".cluster."

interface Identity {
  readonly role: string
  readonly projectRef: string | undefined
}

/**
 * Finds role and project in Supavisor's order: `options=reference`, the cluster alias, then the last dot.
 *
 * Source: Supavisor 2.9 source, handler_helpers.ex.
 */
const identify = (host: string, username: string, reference: string | undefined): Identity => {
  if (isDatabaseHost(host)) return { role: username, projectRef: projectRefOfHost(host) }
  if (reference !== undefined) return { role: username, projectRef: reference }
  const cluster = username.indexOf(CLUSTER_MARK)
  const dot = cluster > 0 ? cluster : username.lastIndexOf(".")
  const projectRef = username.slice(dot + (cluster > 0 ? CLUSTER_MARK.length : 1))
  return dot > 0 && projectRef !== ""
    ? { role: username.slice(0, dot), projectRef }
    : { role: username, projectRef: undefined }
}

const wireName = (parts: Parts, reference: string | undefined): string => {
  const role = present(parts.role) ?? DEFAULT_ROLE
  const projectRef = present(parts.projectRef)
  return projectRef === undefined || reference !== undefined || isDatabaseHost(parts.host)
    ? role
    : `${role}.${projectRef}`
}

const present = (text: string | undefined): string | undefined => (text === "" ? undefined : text)

const toSecret = (secret: Parts["password"], label: string): Redacted.Redacted<string> | undefined => {
  const text = present(Redacted.isRedacted(secret) ? Redacted.value(secret) : secret)
  return text === undefined ? undefined : Redacted.make(text, { label })
}

/** Completes the fields, without notes. Empty texts count as absent. */
export const assemble = (parts: Parts): ConnectionString => {
  const port = parts.port ?? SESSION_PORT
  const options = present(parts.options)
  const settings = readStartupOptions(options)
  const reference = present(settings.get("reference"))
  const username = present(parts.username) ?? wireName(parts, reference)
  const identity = identify(parts.host, username, reference)
  const isSupabase = isPoolerHost(parts.host) || isDatabaseHost(parts.host)
  return {
    host: parts.host,
    port,
    database: present(parts.database) ?? (isSupabase ? SUPABASE_DATABASE : identity.role),
    username,
    role: identity.role,
    projectRef: identity.projectRef,
    password: toSecret(parts.password, "password"),
    kind: hostKind(parts.host, port),
    sslMode: parts.sslMode,
    sslRootCert: present(parts.sslRootCert),
    sslCert: present(parts.sslCert),
    sslKey: present(parts.sslKey),
    sslPassword: toSecret(parts.sslPassword, "sslpassword"),
    applicationName: present(parts.applicationName),
    connectTimeoutSeconds: parts.connectTimeoutSeconds,
    searchPath: present(parts.searchPath) ?? present(settings.get("search_path")),
    options,
    notes: []
  }
}
