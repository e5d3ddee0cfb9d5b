import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import * as fc from "fast-check"
import * as ConnectionString from "../../../../src/services/config/ConnectionString.ts"
import { codes, passwordOf, POOLER, problemsOf, read, REF, reserved, secret, SESSION_URL } from "./Samples.ts"
import { processorTime } from "../../../Timing.ts"

describe("ConnectionString.parse, refusing", () => {
  it("gives each problem its own code and a remedy", () => {
    const refused = [
      ["", "empty"],
      ["  \n", "empty"],
      ["https://supabase.com/dashboard/project/x", "web-address"],
      [`http://${REF}.supabase.co`, "web-address"],
      ["mysql://u:longpass@h/d", "unknown-scheme"],
      ["jdbc:postgresql://h/d", "unknown-scheme"],
      ["postgres:u:longpass@h/d", "unknown-scheme"],
      [`postgres.${REF}:longpass@${POOLER}:5432/postgres`, "unknown-scheme"],
      ["host=localhost user=me password=longpass", "keyword-string"],
      [`postgres://postgres:longpass@${POOLER}:5432/postgres`, "missing-project-ref"],
      [`postgres://postgres.:longpass@${POOLER}:5432/postgres`, "missing-project-ref"],
      [`postgres://postgres.${REF}@${POOLER}:5432/postgres`, "missing-password"],
      [`postgres://postgres.${REF}:@${POOLER}:5432/postgres`, "missing-password"],
      [`postgres://postgres.${REF}:longpass@${POOLER}:5433/postgres`, "bad-pooler-port"],
      [`postgres://postgres:longpass@${REF}.supabase.co:5432/postgres`, "api-host"],
      ["postgres://u:longpass@h:port/d", "bad-port"],
      ["postgres://u:longpass@h:0/d", "bad-port"],
      ["postgres://u:longpass@h:65536/d", "bad-port"],
      ["postgres://u:longpass@h/d?port=x", "bad-port"],
      ["postgres://u:longpass@h/d?sslmode=no-verify", "unknown-sslmode"],
      ["postgres://u:longpass@h/d?sslmode=REQUIRE", "unknown-sslmode"],
      ["postgres://u:longpass@h/d%zz", "invalid-percent-encoding"],
      ["postgres://u%:longpass@h/d", "invalid-percent-encoding"],
      ["postgres://u:longpass@h/d?options=%", "invalid-percent-encoding"],
      ["postgres://u:long%00pass@h/d", "nul-character"],
      ["postgres://u:longpass@h1,h2/d", "multiple-hosts"],
      ["postgres://u:longpass@h1:1,h2:2/d", "multiple-hosts"],
      ["postgres://u:longpass@/d?host=h1,h2", "multiple-hosts"],
      ["postgres://u:longpass@::1:5432/d", "bare-ipv6"],
      ["postgres://u:longpass@fe80::1/d", "bare-ipv6"],
      ["postgres://u:longpass@my host/d", "bad-host"],
      ["postgres://u:longpass@h/d # session pooler", "trailing-comment"],
      ["postgres://u:longpass@h/d?connect_timeout=soon", "bad-connect-timeout"],
      ...["10000", "15000", "30000", "+60000", "3600000"].map(
        (seconds) =>
          [`postgres://u:longpass@h/d?connect_timeout=${seconds}`, "connect-timeout-in-milliseconds"] as const
      ),
      ["postgres://u:*****@h/d", "masked-password"],
      [`postgres://postgres.[project-ref]:longpass@${POOLER}:5432/postgres`, "placeholder-username"],
      [`postgres://postgres.${REF}:longpass@aws-0-[region].pooler.supabase.com:5432/postgres`, "placeholder-host"],
      ["postgresql://postgres:longpass@db.[PROJECT REF].supabase.co:5432/postgres", "placeholder-host"],
      [`postgres://${"u".repeat(9000)}`, "too-long"],
      [`postgres://${"r".repeat(64)}.${REF}:longpass@${POOLER}/postgres`, "invalid-name"]
    ] as const
    for (const [text, code] of refused) {
      const problems = problemsOf(text)
      assert.deepStrictEqual(codes(problems), [code], text)
      assert.notInclude(JSON.stringify(problems), "longpass", text)
      assert.isTrue(
        problems.every((problem) => problem.message.length > 20 && problem.remedy.length > 5),
        text
      )
    }
  })

  it("recognises the placeholder of a password in all its forms", () => {
    const words = ["[YOUR-PASSWORD]", "[YPASSWORD]", "[PASSWORD]", "<password>", "[password]", "YOUR_DB_PASSWORD"]
    for (const word of words) {
      const text = `postgres://postgres.${REF}:${word}@${POOLER}:**6543**/postgres`
      const encoded = text.replace(word, encodeURIComponent(word))
      assert.deepStrictEqual(codes(problemsOf(encoded)), ["placeholder-password"], word)
      assert.deepStrictEqual(codes(problemsOf(text)), ["placeholder-password"], word)
    }
    assert.strictEqual(passwordOf(read("postgres://u:[pass]word1@h/d")), "[pass]word1")
  })

  it("reports all problems at once", () => {
    const text = `postgres://postgres@${POOLER}:x/d%?sslmode=on&connect_timeout=1.5`
    assert.deepStrictEqual([...codes(problemsOf(text))].toSorted(), [
      "bad-connect-timeout",
      "bad-port",
      "invalid-percent-encoding",
      "missing-password",
      "missing-project-ref",
      "unknown-sslmode"
    ])
  })

  it("warns of hosts with an IPv6 address only, of odd references, and of endless timeouts", () => {
    assert.deepStrictEqual(codes(read(`postgres://u:longpass@db.${REF}.supabase.co:5432/d`).notes), ["ipv6-only"])
    assert.deepStrictEqual(codes(read(`postgres://u:longpass@db.${REF}.supabase.co:6543/d`).notes), ["ipv6-only"])
    assert.deepStrictEqual(codes(read(`postgres://u.short:longpass@${POOLER}/d`).notes), ["unusual-project-ref"])
    assert.strictEqual(read(`${SESSION_URL}?connect_timeout=9999`).connectTimeoutSeconds, 9999)
    assert.include(problemsOf(`${SESSION_URL}?connect_timeout=15000`)[0]?.remedy, "connect_timeout=15,")
    assert.deepStrictEqual(codes(read(`${SESSION_URL}?connect_timeout=0`).notes), ["unbounded-connect-timeout"])
  })

  it("reads any text without throwing, and within the length limit quickly", () => {
    const piece = fc.oneof(
      fc.constantFrom(..."@:/?#%[],=&", "postgres://", "%00", "options=", "-c", POOLER),
      fc.string({ unit: "binary", maxLength: 4 })
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        ConnectionString.parse(pieces.join(""))
        ConnectionString.parse(`postgres://${pieces.join("")}`)
      }),
      { numRuns: 2000 }
    )
    const millis = processorTime(() => {
      for (const filler of ["@", "@a:1/", ":", "?a=@", "%", "[", " ", '"']) {
        ConnectionString.parse(`postgres://u:${filler.repeat(1600)}x`)
        ConnectionString.parse(`${filler.repeat(100_000)}x`)
      }
    })
    assert.isBelow(millis, 5000)
  })

  it("shows the password in no problem, however broken the text", () => {
    const breakage = fc.constantFrom(
      (password: string) => `postgres://postgres:${password}@${POOLER}:x/d%?sslmode=on`,
      (password: string) => `postgres:postgres:${password}@${POOLER}`,
      (password: string) => `${password}://postgres@${POOLER}`,
      (password: string) => `postgres://postgres:${password}`,
      (password: string) => `postgres://postgres:${password}@ho st,other/d`,
      (password: string) => `https://postgres:${password}@${POOLER}`,
      (password: string) => `host=h password=${password}`,
      (password: string) => password
    )
    fc.assert(
      fc.property(fc.oneof(secret, reserved), breakage, (password, broken) => {
        const text = broken(password)
        const shown = `${JSON.stringify(problemsOf(text))}${inspect(ConnectionString.parse(text), { depth: Infinity })}`
        if (problemsOf(text).length > 0) assert.notInclude(shown, password)
      }),
      { numRuns: 1000 }
    )
  })
})
