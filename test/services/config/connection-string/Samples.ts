import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import * as ConnectionString from "../../../../src/services/config/ConnectionString.ts"

export const REF = "abcdefghijklmnopwdki"
export const POOLER = "aws-0-ca-central-1.pooler.supabase.com"
export const SESSION_URL = `postgresql://postgres.${REF}:s3cr3t-CANARY@${POOLER}:5432/postgres`

export const read = (text: string): ConnectionString.ConnectionString => Result.getOrThrow(ConnectionString.parse(text))

export const problemsOf = (text: string): ReadonlyArray<ConnectionString.Problem> => {
  const result = ConnectionString.parse(text)
  return Result.isFailure(result) ? result.failure : []
}

export const codes = (problems: ReadonlyArray<ConnectionString.Problem>): ReadonlyArray<string> =>
  problems.map((problem) => problem.code)

export const passwordOf = (connection: ConnectionString.ConnectionString): string | undefined =>
  connection.password && Redacted.value(connection.password)

/** A plain view for comparisons: the secret would compare equal to any other one. */
export const reveal = (connection: ConnectionString.ConnectionString) => ({
  ...connection,
  password: passwordOf(connection)
})

export const secret = fc
  .string({ unit: "grapheme", minLength: 8, maxLength: 24 })
  .filter((text) => !text.includes("\0"))
export const reserved = fc
  .array(fc.oneof(fc.constantFrom("@", ":", "/", "#", "?", "%"), fc.constantFrom("a", "Z", "7", "-")), {
    minLength: 1,
    maxLength: 16
  })
  .map((characters) => `q7${characters.join("")}Zy`)

export const knownHost = fc.constantFrom(`${POOLER}:5432`, `db.${REF}.supabase.co`, "localhost")

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !/[\0[\]<>{}]/.test(text))
const label = fc.string({ unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz"), minLength: 20, maxLength: 20 })
const maybe = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })

const address = fc.oneof(
  fc.record({
    host: fc.constantFrom(POOLER, "aws-1-eu-west-2.pooler.supabase.com"),
    port: fc.constantFrom(5432, 6543)
  }),
  fc.record({
    host: fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6(),
      label.map((ref) => `db.${ref}.supabase.co`),
      fc.constantFrom("localhost", "127.0.0.1", "::1", "fe80::1%eth0", "my_docker_host", "bücher.example")
    ),
    port: fc.integer({ min: 1, max: 65_535 })
  })
)

const parts = fc.record({
  address,
  database: name,
  role: name.filter((text) => new TextEncoder().encode(text).length <= 63 && !/\p{Cc}/u.test(text)),
  projectRef: label,
  password: secret.filter((text) => !/^\*+$/.test(text)),
  sslMode: maybe(fc.constantFrom(...ConnectionString.sslModes)),
  sslRootCert: maybe(name),
  applicationName: maybe(name),
  connectTimeoutSeconds: maybe(fc.integer({ min: 1, max: 1000 })),
  searchPath: maybe(name),
  options: maybe(
    fc.oneof(
      name,
      name.map((path) => `-c search_path=${path}`),
      label.map((ref) => `reference=${ref}`)
    )
  )
})

export const made = parts
  .filter((given) => new TextEncoder().encode(given.database).length <= 63 && !/\p{Cc}/u.test(given.database))
  .map(({ address: { host, port }, ...rest }) => ConnectionString.make({ host, port, ...rest }))
