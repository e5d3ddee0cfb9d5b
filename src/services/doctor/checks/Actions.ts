/** The action for an error: the catalogue's remedy, or a more specific text, and commands to run. */
import type { ConnectionString } from "../../config/ConnectionString.ts"
import type { SessionError } from "../../errors/SessionError.ts"
import type { Action } from "./DoctorReport.ts"
import { sentence } from "../../errors/Wording.ts"

/** The command line of this program. */
export const PROGRAM = "npx effect-supavisor"

/** The dashboard's page of connection strings; with `_` it asks for the project. */
const CONNECT_PAGE = "https://supabase.com/dashboard/project/_?showConnect=true"

/** The dashboard's page of passwords, pool size, certificates and network restrictions. */
export const DATABASE_SETTINGS_PAGE = "https://supabase.com/dashboard/project/_/database/settings"

const SQL_PAGE = "https://supabase.com/dashboard/project/_/sql/new"

/** Counts the connections; for a client that can still connect. */
const HOLDERS_SQL =
  "select usename, application_name, state, count(*) from pg_stat_activity where backend_type = 'client backend' " +
  "group by 1, 2, 3 order by 4 desc;"

/** An action without the catalogue. */
export const advise = (text: string, ...commands: ReadonlyArray<string>): Action => ({ text, commands })

/** The catalogue's remedy is the default of the text. */
type ActionOf = (connection: ConnectionString, error: SessionError) => Partial<Action>

const isSupabase = ({ kind }: ConnectionString): boolean => kind !== "loopback" && kind !== "unknown"

const again = (only: string): string => `${PROGRAM} doctor --only ${only}`

/** A public resolver, to tell a wrong name from a failing name server. */
const PUBLIC_RESOLVER = "1.1.1.1"

const dig: ActionOf = ({ host, kind }, { code }) => ({
  ...(code === "DNS_NO_ADDRESS" && (kind === "session-pooler" || kind === "transaction-pooler")
    ? { text: "The pooler has IPv4 addresses: compare the host with the dashboard, and query another name server" }
    : {}),
  commands: [`dig +short A ${host}`, `dig +short AAAA ${host}`, `${again("dns")} --name-server ${PUBLIC_RESOLVER}`]
})

const reach: ActionOf = ({ host, kind, port }) =>
  kind === "direct" || kind === "dedicated-pooler"
    ? {
        text: `Check host and port; remove the network ban (${DATABASE_SETTINGS_PAGE}, Network bans) if there is one`,
        commands: [`nc -vz ${host} ${port}`, "supabase network-bans get --project-ref REF --experimental"]
      }
    : {
        text: "Check host and port, whether the server runs, and firewall and VPN",
        commands: [`nc -vz ${host} ${port}`]
      }

const route: ActionOf = ({ kind }) =>
  kind === "direct" || kind === "dedicated-pooler"
    ? {
        text:
          "This host has only an IPv6 address and this network has no IPv6. Use the session pooler's connection string, " +
          `which works over IPv4: ${CONNECT_PAGE} (Session pooler), or buy the IPv4 add-on`,
        commands: ["ip -6 route show default"]
      }
    : { commands: ["ip route show default", "ip -6 route show default"] }

const showChain = ({ host, port }: ConnectionString): string =>
  `openssl s_client -starttls postgres -connect ${host}:${port} -servername ${host} -showcerts </dev/null`

const certificate: ActionOf = (connection) => ({ commands: [showChain(connection)] })

const trust: ActionOf = (connection) => ({
  ...(isSupabase(connection)
    ? {
        text:
          `Download the CA certificate (${DATABASE_SETTINGS_PAGE}, SSL configuration) and set ` +
          "DB_SSL_ROOT_CERT to its path, with DB_SSL_MODE=verify-full. Do not set NODE_TLS_REJECT_UNAUTHORIZED"
      }
    : {}),
  commands: [
    `DB_SSL_MODE=verify-full DB_SSL_ROOT_CERT=./${isSupabase(connection) ? "prod-ca-2021" : "ca"}.crt ${again("tls")}`,
    showChain(connection)
  ]
})

const holders: ActionOf = (connection) => ({
  commands: [isSupabase(connection) ? `${HOLDERS_SQL}  -- ${SQL_PAGE}` : HOLDERS_SQL]
})

const password: ActionOf = (connection) =>
  isSupabase(connection)
    ? {
        text:
          "Copy the password again, percent-encoded in a URL, or reset it once " +
          `(${DATABASE_SETTINGS_PAGE}, Reset database password) and wait a minute, until the pooler uses the new one. Ten ` +
          "failed logins in 150 s block this network's address",
        commands: [again("login")]
      }
    : {
        text: "Correct the password, percent-encoded in a URL, or set a new one",
        commands: [`\\password ${connection.role}  -- in psql`, again("login")]
      }

const tenant: ActionOf = ({ kind }) => ({
  text:
    `Copy host and user from ${CONNECT_PAGE} (Session pooler): the number in aws-N does not follow from the region, ` +
    "and the user is ROLE.REF. The password was not checked: do not reset it",
  ...(kind === "session-pooler" || kind === "transaction-pooler"
    ? {
        commands: [
          'curl -sS -H "Authorization: Bearer $SUPABASE_ACCESS_TOKEN" ' +
            "https://api.supabase.com/v1/projects/REF/config/database/pooler"
        ]
      }
    : {})
})

const transactionMode: ActionOf = ({ kind }) =>
  kind === "session-pooler" || kind === "transaction-pooler" || kind === "dedicated-pooler"
    ? { text: `Use the session pooler's string, port 5432: ${CONNECT_PAGE} (Session pooler)` }
    : {}

/** The command has the address at the end of the pooler's message. */
const allowList: ActionOf = (_, { reason }) => {
  const message = "serverMessage" in reason ? (reason.serverMessage ?? "") : ""
  const address = /(\d{1,3}(?:\.\d{1,3}){3})\W*$/.exec(message)?.[1] ?? "ADDRESS"
  return {
    commands: [`supabase network-restrictions update --project-ref REF --db-allow-cidr ${address}/32 --experimental`]
  }
}

const wait =
  (seconds: number): ActionOf =>
  () => ({ commands: [`sleep ${seconds} && ${again("login")}`] })

/** The block after ten failed logins in 150 s lasts 120 s; one minute is added to be sure. */
const BREAKER_SECONDS = 180

/** The block after five unreadable secrets (Supavisor 2.9 source, circuit_breaker.ex). */
const CREDENTIALS_SECONDS = 30

const actions: ReadonlyArray<readonly [codes: ReadonlyArray<string>, action: ActionOf]> = [
  [["DNS_NOT_FOUND", "DNS_NO_ADDRESS", "DNS_TEMPORARY"], dig],
  [["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT"], reach],
  [["EHOSTUNREACH", "ENETUNREACH"], route],
  [["TLS_UNTRUSTED_CHAIN"], trust],
  [["TLS_SELF_SIGNED", "TLS_CERTIFICATE_EXPIRED", "TLS_CERTIFICATE_NOT_YET_VALID"], certificate],
  [["TLS_NAME_MISMATCH", "TLS_CERTIFICATE_INVALID", "TLS_PROTOCOL"], certificate],
  [["EMAXCONNSESSION", "EMAXCONN", "ECHECKOUTTIMEOUT", "PGBOUNCER_QUERY_WAIT_TIMEOUT"], holders],
  [["53300", "53300_RESERVED", "53300_ROLE", "53300_DATABASE"], holders],
  [["28P01", "SCRAM_FAILED"], password],
  [["ENOTFOUND", "ENOIDENTIFIER"], tenant],
  [["ECIRCUITBREAKER"], wait(BREAKER_SECONDS)],
  [["ECIRCUITBREAKER_CREDENTIALS"], wait(CREDENTIALS_SECONDS)],
  [["EADDRNOTALLOWED"], allowList],
  [["ESSLREQUIRED"], () => ({ commands: [`DB_SSL_MODE=require ${again("tls,login")}`] })],
  [["EAUTHQUERY_USER"], () => ({ commands: ["select rolname, rolcanlogin from pg_roles order by 1;"] })],
  [["TRANSACTION_MODE"], transactionMode]
]

/** The action for an error of a connection. */
export const actionFor = (error: SessionError, connection: ConnectionString): Action => {
  const [, actionOf] = actions.find(([codes]) => codes.includes(error.code)) ?? []
  const { commands = [], text = error.remedy } = actionOf?.(connection, error) ?? {}
  return { text: sentence(text), commands }
}
