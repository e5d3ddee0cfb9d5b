import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { AuthenticationError, ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import fc from "fast-check"
import { readFileSync } from "node:fs"
import * as net from "node:net"
import { renderErrors } from "../../../docs/generate-errors.ts"
import { classify } from "../../../src/services/errors/catalogue/Classify.ts"
import { entries, entryOf } from "../../../src/services/errors/catalogue/Entries.ts"
import { factsOf } from "../../../src/services/errors/catalogue/FailureFacts.ts"
import type { FailureFacts } from "../../../src/services/errors/catalogue/Entry.ts"
import { error, fatal } from "./catalogue/Answers.ts"
import { machineFailures, system } from "./catalogue/MachineFailures.ts"
import { serverAnswers } from "./catalogue/ServerAnswers.ts"
import { recordedAnswers, supavisorTexts } from "./catalogue/SupavisorTexts.ts"

const codeOf = (facts: FailureFacts): string => classify(facts).entry.code

describe("ErrorCatalogue", () => {
  it.each(supavisorTexts.map(([text, code, sqlState = "XX000"]) => [text, code, sqlState] as const))(
    "recognizes the pooler's text: %s",
    (text, code, sqlState) => {
      assert.strictEqual(codeOf(fatal(text, sqlState)), code)
    }
  )

  it.each(serverAnswers)("recognizes the server's error %o", (facts, code) => {
    assert.strictEqual(codeOf(facts), code)
  })

  it.each(machineFailures)("recognizes the machine's failure %s", (failure, code) => {
    assert.strictEqual(codeOf(factsOf(failure)), code)
  })

  it("matches every text it documents to an entry of the same class", () => {
    for (const entry of entries) {
      for (const text of entry.matchers.texts ?? []) {
        const { fatal: isFatal, sqlState } = entry.matchers
        const found = classify({
          serverMessage: text,
          severity: isFatal === false || entry.class === "statement" ? "ERROR" : "FATAL",
          sqlState: sqlState ?? "XX000"
        })
        assert.strictEqual(found.entry.class, entry.class, `${entry.code}: ${text}`)
      }
    }
  })

  it("gives every entry a unique code, and a sentence for each text", () => {
    assert.strictEqual(new Set(entries.map((entry) => entry.code)).size, entries.length)
    for (const entry of entries) {
      assert.strictEqual(entryOf(entry.code), entry)
      for (const text of [entry.title, entry.explanation, entry.remedy, entry.source]) assert.isAbove(text.length, 5)
    }
  })

  it("distinguishes the pooler's ENOTFOUND from the name server's", () => {
    const pooler = classify(fatal("(ENOTFOUND) tenant/user postgres.x not found")).entry
    const dns = classify(factsOf(system("ENOTFOUND", "getaddrinfo ENOTFOUND x", "getaddrinfo"))).entry
    assert.notStrictEqual(pooler.code, dns.code)
    assert.include(dns.title, "host name")
  })

  it("distinguishes a password refused before AuthenticationOk from one refused after it", () => {
    const refused = fatal('password authentication failed for user "postgres"', "28P01")
    assert.strictEqual(codeOf({ ...refused, authenticated: false }), "28P01")
    assert.strictEqual(codeOf({ ...refused, authenticated: true }), "28P01_UPSTREAM")
    assert.strictEqual(codeOf({ ...refused, sqlState: undefined, authenticated: true }), "28P01_UPSTREAM")
  })

  it("reads the size of the pool from the pooler's refusal only", () => {
    const text = "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15"
    assert.strictEqual(classify(fatal(text)).ceiling, 15)
    assert.isUndefined(classify(error(text, "P0001")).ceiling)
    assert.isUndefined(classify(fatal("(EMAXCONN) max client connections reached, limit: 200")).ceiling)
  })

  it("waits 180 s after the authentication breaker and 30 s after the credentials breaker", () => {
    const auth = classify(fatal("(ECIRCUITBREAKER) too many authentication failures, new connections")).entry
    const credentials = classify(fatal("(ECIRCUITBREAKER) failed to retrieve database credentials after")).entry
    assert.deepStrictEqual([auth.class, auth.isRetryable, auth.retryAfterMillis], ["auth", false, 180_000])
    assert.deepStrictEqual(
      [credentials.class, credentials.isRetryable, credentials.retryAfterMillis],
      ["pooler", true, 30_000]
    )
  })

  it("does not mistake a statement's error with the pooler's text for the pooler's", () => {
    for (const text of ["(EBANNED) tenant is banned: x", "query_wait_timeout", "Tenant or user not found"]) {
      assert.strictEqual(codeOf(error(text, "P0001")), "SERVER_ERROR")
    }
  })

  it("prints the refused address as an address, and leaves PostgreSQL's arrays alone", () => {
    const refused = (tuple: string) =>
      classify(fatal(`(EADDRNOTALLOWED) address not in tenant allow_list: ${tuple}`)).serverMessage?.split(": ")[1]
    assert.strictEqual(refused("{192, 0, 2, 7}"), "192.0.2.7")
    assert.strictEqual(refused("{8193, 3512, 0, 0, 0, 0, 0, 1}"), "2001:db8::1")
    assert.strictEqual(refused("{8193, 3512, 0, 1, 1, 1, 1, 1}"), "2001:db8:0:1:1:1:1:1")
    assert.strictEqual(refused("{0, 0, 0, 0, 0, 65535, 49152, 519}"), "192.0.2.7")
    assert.strictEqual(refused("{300, 0, 2, 7}"), "{300, 0, 2, 7}")
    const array = 'malformed array literal: "{1, 2, 3, 4}"'
    assert.strictEqual(classify(error(array, "22P02")).serverMessage, array)
  })

  it("prints any Erlang tuple as an address that means the same", () => {
    const canonical = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1)
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 }), (groups) => {
        const printed = classify(fatal(`Address not in tenant allow_list: {${groups.join(", ")}}`)).serverMessage ?? ""
        const address = printed.slice(printed.indexOf(": ") + 2)
        const plain = groups.map((group) => group.toString(16)).join(":")
        assert.isAbove(net.isIP(address), 0)
        assert.strictEqual(canonical(net.isIPv4(address) ? `::ffff:${address}` : address), canonical(plain))
      })
    )
  })

  it("reads the messages that a real Supavisor 2.9.7 sent", () => {
    for (const [fields, authenticated, code] of recordedAnswers) {
      assert.strictEqual(codeOf({ ...factsOf(fields), authenticated }), code)
    }
  })

  it("classifies any value without throwing", () => {
    const text = fc.option(
      fc.oneof(
        fc.string(),
        fc.constantFrom(...entries.flatMap((entry) => entry.matchers.texts ?? [])),
        fc.string({ unit: "binary" })
      ),
      { nil: undefined }
    )
    const facts = fc.record(
      {
        sqlState: text,
        severity: fc.option(fc.oneof(fc.constantFrom("ERROR", "FATAL", "PANIC", "WARNING"), fc.string()), {
          nil: undefined
        }),
        serverMessage: text,
        errno: text,
        syscall: text,
        nodeMessage: text,
        authenticated: fc.option(fc.boolean(), { nil: undefined }),
        phase: fc.constantFrom("dns", "session", "query", "commit", undefined)
      },
      { requiredKeys: [] }
    )
    fc.assert(fc.property(facts, (given) => entries.includes(classify(given as FailureFacts).entry as never)))
    fc.assert(fc.property(fc.anything(), (given) => entries.includes(classify(factsOf(given)).entry as never)))
  })

  it("finds the facts behind SqlError, its reason and their causes, also when they are circular", () => {
    const server = Object.assign(new Error("sorry, too many clients already"), { severity: "FATAL", code: "53300" })
    const wrapped = new SqlError({
      reason: new UnknownError({ cause: server, message: "PgConnection: Failed to connect" })
    })
    assert.deepInclude(factsOf(wrapped), { sqlState: "53300", severity: "FATAL", serverMessage: server.message })
    assert.strictEqual(factsOf(new Error("outer", { cause: system("EPIPE") })).errno, "EPIPE")
    const auth = new SqlError({
      reason: new AuthenticationError({ cause: new Error("SCRAM server signature mismatch") })
    })
    assert.strictEqual(codeOf(factsOf(auth)), "SCRAM_FAILED")
    assert.strictEqual(codeOf(factsOf(new AggregateError([system("ECONNREFUSED")], "all failed"))), "ECONNREFUSED")
    const circular = new Error("round")
    circular.cause = circular
    assert.strictEqual(factsOf(circular).nodeMessage, "round")
  })

  it.live("recognizes a real refused connection", () =>
    Effect.callback<unknown>((resume) => {
      const server = net.createServer()
      server.listen(0, "127.0.0.1", () => {
        const address = server.address() as net.AddressInfo
        server.close(() => net.connect(address.port, "127.0.0.1").on("error", (cause) => resume(Effect.succeed(cause))))
      })
    }).pipe(
      Effect.map((cause) => {
        assert.strictEqual(codeOf(factsOf(cause)), "ECONNREFUSED")
        const sql = new SqlError({ reason: new ConnectionError({ cause }) })
        assert.strictEqual(factsOf(sql).syscall, "connect")
      })
    )
  )

  it("is the same as docs/errors.md; if not, run node docs/generate-errors.ts", () => {
    assert.strictEqual(readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8"), renderErrors())
  })
})
