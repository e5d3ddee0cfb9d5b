/** Finds names that were meant to be a setting: unknown keys in code, and variables that resemble one of ours. */
import { fieldKeys } from "./Fields.ts"
import { displayed, type Problem } from "./Problem.ts"
import type { SettingsInput } from "./Settings.ts"
import { variables } from "./Variables.ts"

/** Keys of `SettingsInput` that have no variable. */
const codeKeys = ["url", "host", "port", "database", "username", "password", "sessionSettings", "prepare"] as const

const options = "the second argument of SupavisorLayer.layer"

/** Our names for the options of other clients, in lower case: sql-pg (PgPoolConfig), pg and postgres.js. */
const instead: ReadonlyMap<string, string> = new Map(
  Object.entries({
    maxconnections: "pool.max",
    minconnections: "pool.min",
    connectionttl: "pool.maxLifetime",
    multiplex: "pool.pipeline",
    multiplexconcurrency: "pool.pipeline",
    startupparameters: "sessionSettings",
    startupoptions: "the parameter options of url",
    path: "host with the directory of the socket, and port",
    stream: "no substitute: the pool opens its own sockets",
    spanattributes: `spanAttributes in ${options}`,
    transformresultnames: `transformResultNames in ${options}`,
    transformquerynames: `transformQueryNames in ${options}`,
    transformjson: `transformJson in ${options}`,
    types: `types in ${options}`,
    preparedstatementcachesize: `preparedStatementCacheSize in ${options}`,
    maxmessagesize: `maxMessageSize in ${options}`,
    connectionstring: "url",
    uri: "url",
    hostname: "host",
    user: "username",
    passwordprovider: "password, which takes an effect",
    connectiontimeoutmillis: "pool.acquireTimeout for the queue, connectTimeout for a dial",
    idletimeoutmillis: "pool.idleTimeout",
    maxlifetimeseconds: "pool.maxLifetime",
    maxuses: "pool.maxLifetime",
    querytimeout: "statementTimeout",
    idleintransactionsessiontimeout: "idleInTransactionTimeout",
    keepaliveinitialdelaymillis: "keepAlive",
    connection: "sessionSettings",
    options: "sessionSettings",
    ca: "ssl.rootCert",
    servername: "ssl.serverName",
    sslmode: "ssl.mode",
    sslrootcert: "ssl.rootCert",
    sslcert: "ssl.cert",
    sslkey: "ssl.key",
    rejectunauthorized: "ssl.mode (require encrypts, verify-full also verifies)"
  })
)

/** The longest name that is compared; longer ones are no misspelling of ours. */
const longestName = 64

/** Least number of characters inserted, removed, replaced or swapped with their neighbour (Damerau-Levenshtein). */
const distance = (one: string, other: string): number => {
  let before: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1]
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        least = Math.min(least, before[j - 2]! + 1)
      }
      row.push(least)
    }
    before = last
    last = row
  }
  return last[other.length]!
}

/** A misspelt name differs in at most this many characters, and in no more than a quarter of them. */
const mostWrong = 2

/** The candidate that a misspelt name is nearest to; `nameOf` is the part of a candidate that is compared. */
const nearest = (
  name: string,
  candidates: ReadonlyArray<string>,
  nameOf: (candidate: string) => string
): string | undefined => {
  let found: { readonly candidate: string; readonly wrong: number } | undefined
  for (const candidate of candidates) {
    const other = nameOf(candidate)
    if (Math.abs(name.length - other.length) > mostWrong) continue
    const wrong = distance(name, other)
    const isNear = wrong <= Math.min(mostWrong, Math.floor(other.length / 4))
    if (isNear && (found === undefined || wrong < found.wrong)) found = { candidate, wrong }
  }
  return found?.candidate
}

/** The words of a name in alphabetical order, so that `DB_MAX_POOL` equals `DB_POOL_MAX`. */
const sortedWords = (name: string): string => name.split("_").toSorted().join("_")

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "")

/** The setting that a key of code was meant to be: the same words, another client's name, or the nearest spelling. */
const settingLike = (key: string): string | undefined => {
  const name = key.slice(key.lastIndexOf(".") + 1)
  if (key.length > longestName) return undefined
  const known: ReadonlyArray<string> = [...fieldKeys, ...codeKeys]
  const lastOf = (path: string): string => plain(path.slice(path.lastIndexOf(".") + 1))
  return (
    known.find((path) => plain(path) === plain(key)) ??
    known.find((path) => lastOf(path) === plain(name)) ??
    instead.get(plain(name)) ??
    nearest(plain(key), known, plain) ??
    nearest(plain(name), known, lastOf)
  )
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * One problem for each key that is no setting, with the name to use, and for each group that is no object.
 *
 * The type checker finds these only in literals; a key of a variable, or of JavaScript, would be ignored silently.
 */
export const unknownKeys = (input: SettingsInput, secrets: ReadonlyArray<string>): ReadonlyArray<Problem> => {
  const groups = new Set(fieldKeys.filter((key) => key.includes(".")).map((key) => key.slice(0, key.indexOf("."))))
  const known = new Set<string>([...fieldKeys, ...codeKeys])
  const unknown = (key: string, value: unknown): ReadonlyArray<Problem> => {
    if (known.has(key) || value === undefined) return []
    const setting = settingLike(key)
    return [
      {
        name: key,
        received: typeof value === "function" ? "a function" : displayed(value, secrets),
        expected: setting === undefined ? "is not a setting" : `use ${setting}`
      }
    ]
  }
  return Object.entries(input).flatMap(([key, value]: readonly [string, unknown]) => {
    if (!groups.has(key) || value === undefined) return unknown(key, value)
    if (isObject(value)) return Object.entries(value).flatMap(([name, one]) => unknown(`${key}.${name}`, one))
    const names = fieldKeys.filter((field) => field.startsWith(`${key}.`)).map((field) => field.slice(key.length + 1))
    return [{ name: key, received: displayed(value, secrets), expected: `an object with ${names.join(", ")}` }]
  })
}

/** The first words of names that may be misspelt ones of ours, or hold a database's address for another program. */
export const mayBeMeant = /^(?:DB|DIRECT|DATABASE|SUPABASE|POSTGRES\w*|PG[A-Z]*|CONNECTION)(?:_|$)/

/** libpq's variables (PostgreSQL docs, libpq-envars). */
const addressVariable = /^PG(?:HOST|HOSTADDR|PORT|USER|PASSWORD|DATABASE|SERVICE)$/
const connectionString = /^\s*["']?(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?:\/\//i

/** The variables, not ours, that hold a database's address; empty when none is set. */
export const addressesElsewhere = (record: Readonly<Record<string, string | undefined>>): ReadonlyArray<string> => {
  const ours = new Set(variables.map(({ name }) => name))
  return Object.entries(record).flatMap(([name, value = ""]) =>
    !ours.has(name) && (connectionString.test(value) || (addressVariable.test(name) && value.trim() !== ""))
      ? [name]
      : []
  )
}

/** One warning for each `DB_*` variable that is not ours and resembles one that is; `names` are those that are set. */
export const misspeltVariables = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const ours = variables.map(({ name }) => name)
  return names.flatMap((name) => {
    if (!name.startsWith("DB_") || name.length > longestName || ours.includes(name)) return []
    const meant =
      ours.find((one) => sortedWords(one) === sortedWords(name) || plain(one) === plain(name)) ??
      nearest(name, ours, (one) => one)
    return meant === undefined ? [] : [`${name} is not a setting: ${meant} may be meant.`]
  })
}
