import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as ConnectionString from "../../../../src/services/config/ConnectionString.ts"
import { made, secret } from "./Samples.ts"

describe("ConnectionString.redact", () => {
  /** A surrounding text that contains no secret. */
  const around = (text: string) => `before <${text}> after`

  it("removes a secret raw, encoded, partly encoded, encoded twice and escaped", () => {
    const mixed = fc.tuple(secret, fc.infiniteStream(fc.integer({ min: 0, max: 2 })))
    fc.assert(
      fc.property(mixed, ([password, choices]) => {
        const partly = Array.from(password, (character) => {
          const bytes = Array.from(new TextEncoder().encode(character), (byte) => byte.toString(16).padStart(2, "0"))
          const encoded = bytes.map((byte) => `%${byte}`).join("")
          return [character, encoded, encoded.toUpperCase()][choices.next().value ?? 0] ?? character
        }).join("")
        const forms = [
          password,
          encodeURIComponent(password),
          encodeURIComponent(encodeURIComponent(password)),
          JSON.stringify(password).slice(1, -1),
          partly
        ]
        fc.pre(!"before <*****> after".includes(password) && password.toLowerCase() !== "postgres")
        for (const form of forms) {
          assert.strictEqual(ConnectionString.redact(around(form), [password]), "before <*****> after")
        }
      })
    )
  })

  it("removes all of a secret that ends in a backslash, escaped or not", () => {
    const password = "       \\"
    for (const form of [password, JSON.stringify(password).slice(1, -1)]) {
      assert.strictEqual(ConnectionString.redact(around(form), [password]), "before <*****> after")
    }
  })

  it("finds lower case and upper case percent-encodings", () => {
    for (const form of ["p%2fw%40rd%C3%A9", "p%2Fw%40rd%c3%a9", "p/w@rdé", "%70/w%2540rdé"]) {
      assert.strictEqual(ConnectionString.redact(`x ${form} y`, ["p/w@rdé"]), "x ***** y", form)
    }
  })

  it("removes every password in a URL or a pair, known or not", () => {
    const redacted = [
      ["postgres://u:p@ss/w@h:5432/d is down", "postgres://u:*****@h:5432/d is down"],
      ['{"url":"postgres://u:pw@h/d","to":"me@x"}', '{"url":"postgres://u:*****@h/d","to":"me@x"}'],
      ["host=h password=hunter2 user=u", "host=h password=***** user=u"],
      ["password='hun ter2' x", "password='*****' x"],
      ["PGPASSWORD=hunter2", "PGPASSWORD=*****"],
      ["postgres://h/d?password=hunter2&user=u", "postgres://h/d?password=*****&user=u"],
      ['{"password":"hunter2","user":"u"}', '{"password":"*****","user":"u"}'],
      ['{"password":"hun\\"ter2","user":1}', '{"password":"*****","user":1}'],
      ['\\"password\\":\\"hunter2\\",1', '\\"password\\":\\"*****\\",1'],
      ['password="hunter2', "password=*****"]
    ] as const
    for (const [text, expected] of redacted) assert.strictEqual(ConnectionString.redact(text, []), expected)
  })

  it("leaves ordinary text alone when a secret is short or a common word", () => {
    const prose = 'FATAL: password authentication failed for user "postgres" at https://supabase.com:443/docs'
    assert.strictEqual(ConnectionString.redact(prose, ["a", "fai", "postgres", "", "password"]), prose)
    assert.strictEqual(ConnectionString.redact("postgres://u:a@h a", ["a"]), "postgres://u:*****@h a")
    assert.strictEqual(ConnectionString.redact('postgres://u:a "@h a', ['a "']), "postgres://u:*****@h a")
    assert.strictEqual(
      ConnectionString.redact("postgres://postgres:postgres@h password=postgres", ["postgres"]),
      "postgres://postgres:*****@h password=*****"
    )
  })

  it("removes the longer of two secrets first", () => {
    assert.strictEqual(ConnectionString.redact("x abcdefgh y", ["abcd", "abcdefgh"]), "x ***** y")
  })

  it("removes the secrets of a connection from its URI", () => {
    fc.assert(
      fc.property(made, (connection) => {
        const uri = ConnectionString.format(connection, { showPassword: true })
        const secrets = ConnectionString.secretsOf(connection)
        fc.pre(secrets.every((one) => !ConnectionString.format({ ...connection, password: undefined }).includes(one)))
        assert.strictEqual(ConnectionString.redact(uri, secrets), ConnectionString.format(connection))
      })
    )
  })
})
