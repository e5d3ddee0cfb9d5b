import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as Redacted from "effect/Redacted"
import { type PolicyRequest, isOwnHost, policyOf } from "../../src/http/Policy.ts"

const TOKEN = "correct-horse-battery"
const open = ["/livez", "/readyz", "/healthz", "/startupz", "/metrics"]
const closed = ["/", "/events", "/status", "/page/Main.js", "/nowhere", "/sign-in", "//livez", "/livez/x", "/LIVEZ", ""]

const requestWith = (changes: Partial<PolicyRequest> = {}): PolicyRequest => ({
  url: "/status",
  method: "GET",
  host: "10.1.2.3:8321",
  authorization: undefined,
  cookie: undefined,
  ...changes
})

const local = policyOf({ host: "127.0.0.1", port: 8321, token: undefined })
const shut = policyOf({ host: "0.0.0.0", port: 8321, token: undefined })
const guarded = policyOf({ host: "0.0.0.0", port: 8321, token: Redacted.make(TOKEN) })

describe("on loopback", () => {
  it("allows requests by a name or address of this machine", () => {
    for (const host of [
      "127.0.0.1",
      "127.0.0.1:8321",
      "localhost:8321",
      "LocalHost",
      "[::1]:8321",
      "app.localhost:1"
    ]) {
      for (const url of [...open, ...closed])
        assert.strictEqual(local.check(requestWith({ host, url })), "allowed", host + url)
    }
  })

  it("refuses requests by any other name, or by none", () => {
    const foreign = [
      "evil.example",
      "evil.example:8321",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "10.1.2.3:8321",
      "0.0.0.0",
      "evil.example@127.0.0.1",
      "127.0.0.1/evil.example",
      "127.0.0.1 evil.example",
      "[::2]",
      "",
      undefined
    ]
    for (const host of foreign) {
      assert.isFalse(isOwnHost(host), host)
      for (const url of [...open, ...closed])
        assert.strictEqual(local.check(requestWith({ host, url })), "foreign-host")
    }
  })

  it("accepts only names of this machine, whatever a name looks like", () => {
    fc.assert(
      fc.property(fc.domain(), fc.nat(65_535), (name, port) => {
        assert.isFalse(isOwnHost(name) || isOwnHost(`${name}:${port}`) || isOwnHost(`127.0.0.1.${name}`))
      })
    )
  })
})

describe("on the network", () => {
  it("allows probes and metrics without a token, by any name", () => {
    for (const url of open.flatMap((path) => [path, `${path}?verbose`])) {
      for (const policy of [shut, guarded]) assert.strictEqual(policy.check(requestWith({ url })), "allowed")
    }
  })

  it("refuses everything else while no token is set, whatever the request contains", () => {
    for (const url of closed) {
      for (const authorization of [undefined, "Bearer ", "Bearer undefined", `Bearer ${TOKEN}`]) {
        const verdict = shut.check(requestWith({ url, authorization, cookie: guarded.cookie, method: "POST" }))
        assert.strictEqual(verdict, "no-token-set")
      }
    }
  })

  it("allows other paths only with the token as a bearer or with the cookie", () => {
    for (const url of closed) {
      assert.strictEqual(guarded.check(requestWith({ url })), "token-required")
      assert.strictEqual(guarded.check(requestWith({ url, authorization: `Bearer ${TOKEN}` })), "allowed")
      assert.strictEqual(guarded.check(requestWith({ url, authorization: `bearer  ${TOKEN} ` })), "allowed")
      assert.strictEqual(guarded.check(requestWith({ url, cookie: guarded.cookie })), "allowed")
    }
    const wrong = [
      TOKEN,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      "Bearer",
      `Bearer x ${TOKEN}`
    ]
    for (const authorization of wrong)
      assert.strictEqual(guarded.check(requestWith({ authorization })), "token-required")
    for (const cookie of [TOKEN, "", `${guarded.cookie}x`]) {
      assert.strictEqual(guarded.check(requestWith({ cookie })), "token-required")
    }
  })

  it("accepts no other text than the token", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        assert.strictEqual(guarded.isToken(text), text === TOKEN)
        assert.isFalse(shut.isToken(text))
      })
    )
    assert.isTrue(guarded.isToken(TOKEN))
  })

  it("allows the form without a token, and nothing else", () => {
    assert.strictEqual(guarded.check(requestWith({ url: "/sign-in", method: "POST" })), "allowed")
    assert.strictEqual(guarded.check(requestWith({ url: "/status", method: "POST" })), "token-required")
  })

  it("has a cookie that does not reveal the token and differs for every token", () => {
    const other = policyOf({ host: "::", port: 8321, token: Redacted.make(`${TOKEN}2`) })
    assert.notInclude(guarded.cookie, TOKEN)
    assert.notStrictEqual(guarded.cookie, other.cookie)
    assert.strictEqual(other.check(requestWith({ cookie: guarded.cookie })), "token-required")
  })
})
