import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { redactForeignText } from "../../../../src/services/errors/catalogue/RedactedText.ts"

describe("RedactedText", () => {
  it("hides credentials wherever a server or a driver quotes them", () => {
    const secret = "s3cr@t/#%40:x"
    const quotes = [
      `could not connect to postgres://postgres.ref:${secret}@aws-0.pooler.supabase.com:5432/postgres`,
      `invalid dsn "host=x password=${secret} user=y"`,
      `%{db_password: "${secret}", db_user: "y"}`,
      `[password: ~c"${secret}"]`,
      `{"password":"${secret}"}`,
      `%{"password" => "${secret}"}`,
      `ALTER ROLE agent PASSWORD '${secret}'`,
      `Key (password)=(${secret}) already exists.`,
      `https://host/?password=${secret}`
    ]
    for (const quote of quotes) {
      const shown = redactForeignText(quote)
      for (const part of ["s3cr", "t/#", "%40", ":x"]) assert.notInclude(shown, part, quote)
      assert.include(shown, "*****", quote)
    }
    const harmless = 'password authentication failed for user "postgres"'
    assert.strictEqual(redactForeignText(harmless), harmless)
  })

  it("hides any password of a URL or of a pair, and hiding twice changes nothing", () => {
    const password = fc
      .string({ minLength: 4, maxLength: 40, unit: "grapheme-ascii" })
      .map((raw) => `Zq9${raw.replace(/\s/g, "_")}`)
    fc.assert(
      fc.property(password, (secret) => {
        for (const write of [
          (word: string) => `x ://u:${word}@host/db failed`,
          (word: string) => `password=${word} failed`
        ]) {
          const shown = redactForeignText(write(secret))
          assert.strictEqual(shown, write("*****"))
          assert.strictEqual(redactForeignText(shown), shown)
        }
      })
    )
  })

  it("drops a credential that the length limit would cut in two", () => {
    const shown = redactForeignText(`${"x ".repeat(2_040)}postgres://u:Zq9${"y".repeat(200)}@host/db`)
    assert.notInclude(shown, "Zq9")
    assert.isAtMost(shown.length, 4_100)
  })
})
