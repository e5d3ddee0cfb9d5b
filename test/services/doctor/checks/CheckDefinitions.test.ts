import { assert, describe, it } from "@effect/vitest"
import { make } from "../../../../src/services/config/ConnectionString.ts"
import { checkIdOf, checkIds, checks, withNeeds } from "../../../../src/services/doctor/checks/CheckDefinitions.ts"
import { maskedName, maskOf } from "../../../../src/services/doctor/checks/Masking.ts"
import { doctorVerdictOf } from "../../../../src/services/doctor/checks/DoctorReport.ts"
import { quantileOf } from "../../../../src/services/stats/Quantile.ts"
import type { CheckResult, CheckStatus } from "../../../../src/services/doctor/Doctor.ts"

const REFERENCE = "abcdefghijklmnopqrst"

const result = (id: string, status: CheckStatus): CheckResult => ({
  id,
  component: id,
  target: "",
  status,
  ms: null,
  details: "",
  action: null
})

describe("the checks", () => {
  it("depend only on checks that run before them", () => {
    for (const [at, id] of checkIds.entries()) {
      for (const need of checks[id].needs) assert.isBelow(checkIds.indexOf(need), at)
    }
  })

  it("include the checks they need, in order", () => {
    assert.deepStrictEqual(withNeeds(["tcp", "dns"]), ["config", "endpoint", "dns", "route", "tcp"])
    assert.deepStrictEqual(withNeeds(checkIds), checkIds)
  })

  it("are found by their exact names", () => {
    assert.strictEqual(checkIdOf("dns"), "dns")
    assert.isUndefined(checkIdOf("DNS"))
  })
})

describe("the mask", () => {
  const connection = make({ host: `db.${REFERENCE}.supabase.co`, password: "p@ss/CANARY" })

  it("shows the last four characters of a reference anywhere in a text", () => {
    const { text } = maskOf(connection)
    assert.strictEqual(text(`to db.${REFERENCE}.supabase.co`), "to db.…qrst.supabase.co")
  })

  it("writes REF for the reference in a command", () => {
    assert.strictEqual(maskOf(connection).command(`dig db.${REFERENCE}.supabase.co`), "dig db.REF.supabase.co")
  })

  it("removes the password, raw and percent-encoded", () => {
    const { text } = maskOf(connection)
    assert.strictEqual(text("p@ss/CANARY and p%40ss%2FCANARY"), "***** and *****")
  })

  it("masks a self-hosted project's name only after a dot, so that common words stay", () => {
    const { text } = maskOf(make({ host: "pooler.test", username: "app.postgres", password: "s3cr3t" }))
    assert.strictEqual(text("app.postgres in postgres"), "app.…gres in postgres")
  })

  it("removes control characters", () => {
    const text = maskOf(undefined).text("a\u001B[31mb\nc\u202Ed\u2028e")
    assert.strictEqual(text, "a [31mb c d e")
  })

  it("shortens the names of other programs", () => {
    assert.lengthOf(maskedName("x".repeat(100)), 49)
    assert.notInclude(maskedName("postgres://u:s3cr3t@h"), "s3cr3t")
  })
})

describe("the verdict", () => {
  it("is healthy without failures and warnings", () => {
    const verdict = doctorVerdictOf([result("login", "pass"), result("dns", "info")], true)
    assert.deepStrictEqual(verdict, {
      status: "healthy",
      text: "All 2 results are in order. Sessions can be opened.",
      failures: 0,
      warnings: 0
    })
  })

  it("counts failures and warnings and names the failed components", () => {
    const verdict = doctorVerdictOf([result("tls", "warn"), result("login", "fail"), result("clock", "skip")], true)
    assert.strictEqual(verdict.status, "failed")
    assert.strictEqual(verdict.text, "1 failure, 1 warning: login. No session can be opened. 1 check skipped.")
  })

  it("states that sessions are not kept although logins work", () => {
    const verdict = doctorVerdictOf([result("login", "pass"), result("session", "fail")], true)
    assert.include(verdict.text, "Logins work; sessions are not kept.")
  })

  it("is invalid when the configuration kept the checks from running", () => {
    assert.strictEqual(doctorVerdictOf([result("config", "fail")], false).status, "invalid")
  })
})

describe("the doctor's numbers", () => {
  it("computes the median and the 95th percentile", () => {
    const times = Array.from({ length: 20 }, (_, index) => index + 1)
    assert.strictEqual(quantileOf(times, 0.5), 10)
    assert.strictEqual(quantileOf(times, 0.95), 19)
    assert.strictEqual(quantileOf([3], 0.5), 3)
    assert.strictEqual(quantileOf([], 0.5), 0)
  })
})
