import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { symptoms } from "../../../docs/doctor-symptoms.ts"
import { proofOf, renderDoctor } from "../../../docs/generate-doctor.ts"
import { type CheckId, checkIds } from "../../../src/services/doctor/Doctor.ts"

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8")

const goldenNames = readdirSync(new URL("golden", import.meta.url)).map((name) => name.replace(/\.txt$/, ""))

const outputs = Object.values(symptoms).flatMap((some) => Object.keys(some))

/** The checks that have a symptom; the others only describe. */
const SILENT: ReadonlySet<CheckId> = new Set(["pooler"])

describe("the page about the doctor", () => {
  it("equals the output of its generator", () => {
    assert.strictEqual(read("../../../docs/doctor.md"), renderDoctor())
  })

  it("names an output and its test for every symptom", () => {
    const known = new Set(goldenNames)
    const missing = outputs.filter((output) => !known.has(output) || proofOf(output) === undefined)
    assert.deepStrictEqual(missing, [])
  })

  it("has a symptom for every check that can fail or warn", () => {
    const unexplained = checkIds.filter((id) => symptoms[id] === undefined && !SILENT.has(id))
    assert.deepStrictEqual(unexplained, [])
  })

  it("refers to every output in a symptom", () => {
    const explained = new Set(outputs)
    const others = goldenNames.filter((name) => !explained.has(name))
    assert.deepStrictEqual(others, [
      "config-direct-host",
      "config-many-problems",
      "config-missing-certificate",
      "config-nothing",
      "healthy-direct",
      "healthy-session",
      "named-host",
      "tls-broken-off",
      "tls-preferred",
      "tls-verified"
    ])
  })

  it("shows every output in 80 columns, commands excepted", () => {
    for (const name of goldenNames) {
      const lines = read(`golden/${name}.txt`).split("\n")
      const wide = lines.filter((line) => line.length > 80 && !line.startsWith("  $ "))
      assert.deepStrictEqual(wide, [], name)
    }
  })
})
