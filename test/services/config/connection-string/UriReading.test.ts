import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { codes, knownHost, passwordOf, POOLER, read, REF, reserved, reveal, SESSION_URL } from "./Samples.ts"

describe("ConnectionString.parse, leniently", () => {
  it("ignores what copy and paste added, with a note", () => {
    const pasted = [
      [`  ${SESSION_URL}\n`, "surrounding-blanks"],
      [`"${SESSION_URL}"`, "surrounding-quotes"],
      [`'${SESSION_URL}';`, "surrounding-quotes"],
      [`“${SESSION_URL}”`, "surrounding-quotes"],
      [`\uFEFF${SESSION_URL}\u200B`, "surrounding-blanks"],
      [SESSION_URL.replace(":5432", "\n  :5432"), "line-break"],
      [`DATABASE_URL="${SESSION_URL}"`, "variable-name-before"],
      [`psql "${SESSION_URL}"`, "command-before"],
      [SESSION_URL.replace("5432", "**5432**"), "markdown-emphasis"]
    ] as const
    for (const [text, code] of pasted) {
      const connection = read(text)
      assert.include(codes(connection.notes), code, text)
      assert.deepStrictEqual({ ...reveal(connection), notes: [] }, reveal(read(SESSION_URL)), text)
    }
  })

  it("reads raw reserved characters in a password, and names them", () => {
    const raw = [
      ["p@ss", ["@"]],
      ["p@ss/w@rd", ["@", "/"]],
      ["5432/x@y", ["@", "/"]],
      ["a:b", [":"]],
      ["a#b?c", ["#", "?"]],
      ["100%", ["%"]],
      ["%zz@1:2/3#4?5", ["@", ":", "/", "#", "?", "%"]],
      ["a?b=c@d.example.com", ["?", "@"]]
    ] as const
    for (const [password, characters] of raw) {
      const connection = read(`postgres://postgres.${REF}:${password}@${POOLER}:5432/postgres?sslmode=require`)
      assert.strictEqual(passwordOf(connection), password)
      assert.strictEqual(connection.kind, "session-pooler")
      const note = connection.notes.find((one) => one.code === "unencoded-characters")
      for (const character of characters) assert.include(note?.remedy, `${character} as %`, password)
      assert.notInclude(`${note?.message}${note?.remedy}`, password)
    }
    assert.strictEqual(passwordOf(read("postgres://u:p@ss/w@host/db")), "p@ss/w")
    assert.strictEqual(passwordOf(read("postgres://u:1234/x@host/db")), "1234/x")
  })

  it("does not take an @ behind the host for the end of a password", () => {
    assert.strictEqual(read(`${SESSION_URL}?application_name=me@box.example.com:1`).host, POOLER)
    assert.strictEqual(read("postgres://u:longpass@db/x?application_name=me@box.example.com:1").host, "db")
    assert.strictEqual(read(`${SESSION_URL}?supa=me@box`).host, POOLER)
    assert.strictEqual(read("postgres://u:longpass@db.example.com:5432/my@db").host, "db.example.com")
    assert.strictEqual(read("postgres://db/x?user=me@box.example.com").host, "db")
    assert.strictEqual(read("postgres://localhost:5432/a@b").host, "localhost")
  })

  it("reads any raw password with reserved characters before a known host", () => {
    fc.assert(
      fc.property(reserved, knownHost, (password, host) => {
        fc.pre(!/%[0-9a-f]{2}/i.test(password))
        const user = host.startsWith("db.") ? "postgres" : `postgres.${REF}`
        const connection = read(`postgresql://${user}:${password}@${host}/postgres?sslmode=require`)
        assert.strictEqual(passwordOf(connection), password)
        assert.strictEqual(connection.database, "postgres")
        assert.isTrue(host.startsWith(connection.host))
        const note = connection.notes.find((one) => one.code === "unencoded-characters")
        const expected = [..."@:/#?%"].filter((character) => password.includes(character))
        for (const character of expected) assert.include(note?.remedy, `${character} as %`)
        assert.notInclude(JSON.stringify(connection.notes), password)
      }),
      { numRuns: 1000 }
    )
  })
})
