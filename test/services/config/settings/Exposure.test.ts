import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import { fromInput, fromRecord } from "../../../../src/services/config/SessionConfig.ts"
import { isLoopback } from "../../../../src/services/config/settings/Exposure.ts"
import { given, messageOf, problemsOf, read, refused, shown } from "./Fixture.ts"

const TOKEN = "correct-horse-battery"

describe("HTTP_TOKEN", () => {
  it("is kept redacted, from the environment and from code", () => {
    for (const settings of [
      read({ HTTP_TOKEN: TOKEN }),
      given({ http: { token: TOKEN } }),
      given({ http: { token: Redacted.make(TOKEN) } })
    ]) {
      assert.strictEqual(settings.http.token && Redacted.value(settings.http.token), TOKEN)
      assert.notInclude(shown(settings), TOKEN)
    }
  })

  it("is refused with fewer than 16 characters, with blanks or beyond ASCII, and never shown", () => {
    for (const token of ["short-secret-15", "a secret with blanks in it", "geheimes-wört-chen", "x".repeat(513)]) {
      for (const result of [fromRecord({ HTTP_TOKEN: token }), fromInput({ http: { token } })]) {
        const [problem, ...others] = problemsOf(result)
        assert.isEmpty(others)
        assert.include(["HTTP_TOKEN", "http.token"], problem?.name)
        assert.include(problem?.remedy, "openssl rand")
        assert.notInclude(shown(refused(result)), token.slice(0, 12))
      }
    }
    assert.strictEqual(read({ HTTP_TOKEN: "x".repeat(16) }).http.token !== undefined, true)
  })

  it("is not shown when it was set as another setting, too", () => {
    assert.notInclude(messageOf({ HTTP_TOKEN: TOKEN, DB_POOL_MAX: TOKEN }), TOKEN)
  })
})

describe("the operations server's address", () => {
  it("is loopback for the names and addresses of this machine only", () => {
    for (const host of ["127.0.0.1", "127.9.8.7", "::1", "localhost", "LOCALHOST", "app.localhost"]) {
      assert.isTrue(isLoopback(host), host)
    }
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example", "127.evil"]) {
      assert.isFalse(isLoopback(host), host)
    }
  })

  it("is reported when it is open to the network: as a warning without a token, as a note with one", () => {
    const closed = read({ HTTP_HOST: "0.0.0.0" })
    assert.match(closed.warnings.join(), /HTTP_HOST \(0\.0\.0\.0\).* \/metrics\. .*403.* until HTTP_TOKEN is set/)
    const opened = read({ HTTP_HOST: "0.0.0.0", HTTP_TOKEN: TOKEN })
    assert.isEmpty(opened.warnings)
    assert.match(opened.notes.join(), /HTTP_HOST \(0\.0\.0\.0\).* \/metrics; the page, .* require HTTP_TOKEN/)
    const local = read({ HTTP_TOKEN: TOKEN })
    assert.isEmpty([...local.notes, ...local.warnings])
  })
})
