import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { applyStatement, readFacts, sameSetting, unapplied } from "../../../src/services/session/SessionSettings.ts"

const settings = fc.array(
  fc.tuple(fc.constantFrom("statement_timeout", "search_path", "lock_timeout", "application_name"), fc.string()),
  { maxLength: 12 }
)

const numbersOf = (sql: string): Array<number> => Array.from(sql.matchAll(/\$(\d+)/g), ([, number]) => Number(number))

describe("SessionSettings", () => {
  it("has a placeholder for every parameter, and a parameter for every placeholder", () => {
    fc.assert(
      fc.property(settings, (settings) => {
        const { params, sql } = applyStatement(settings)
        assert.deepStrictEqual(params, settings.flat())
        const used = new Set(numbersOf(sql))
        assert.deepStrictEqual(
          [...used].toSorted((a, b) => a - b),
          params.map((_, index) => index + 1)
        )
      })
    )
  })

  it("sets each value under its name, and reads that name back", () => {
    fc.assert(
      fc.property(settings, (settings) => {
        const { params, sql } = applyStatement(settings)
        const sets = Array.from(sql.matchAll(/set_config\(\$(\d+)::text, \$(\d+)::text, false\) as set_(\d+)/g))
        const reads = Array.from(sql.matchAll(/current_setting\(\$(\d+)::text\) as effective_(\d+)/g))
        assert.deepStrictEqual(
          sets.map(([, name, value, index]) => [params[Number(name) - 1], params[Number(value) - 1], Number(index)]),
          settings.map(([name, value], index) => [name, value, index])
        )
        assert.deepStrictEqual(
          reads.map(([, name, index]) => [params[Number(name) - 1], Number(index)]),
          settings.map(([name], index) => [name, index])
        )
      })
    )
  })

  it("puts no value into the text", () => {
    const { sql } = applyStatement([["application_name", "it's $1; drop table t"]])
    assert.notInclude(sql, "drop table")
  })

  it("reads the facts alone when there is nothing to set", () => {
    const { params, sql } = applyStatement([])
    assert.deepStrictEqual(params, [])
    assert.match(sql, /^select pg_backend_pid\(\) as backend_pid, /)
  })

  it("reads the row back", () => {
    const row = { backend_pid: 7, max_connections: "100", server_version: "17.2", set_0: "30s", effective_0: "30s" }
    assert.deepStrictEqual(
      readFacts(
        [
          ["statement_timeout", "30000ms"],
          ["search_path", "a"]
        ],
        row
      ),
      {
        backendPid: 7,
        maxConnections: 100,
        serverVersion: "17.2",
        applied: [
          ["statement_timeout", "30000ms", "30s"],
          ["search_path", "a", ""]
        ]
      }
    )
  })

  it("names the settings that did not take effect", () => {
    const facts = readFacts(
      [
        ["statement_timeout", "30000ms"],
        ["lock_timeout", "5s"]
      ],
      { effective_0: "30s", effective_1: "0" }
    )
    assert.deepStrictEqual(unapplied(facts), [["lock_timeout", "5s", "0"]])
  })

  it("reads a time in any of PostgreSQL's units", () => {
    const same = [
      ["30000", "30s"],
      ["30000ms", "30s"],
      ["60000ms", "1min"],
      ["90s", "90s"],
      ["3600000ms", "1h"],
      ["86400000", "1d"],
      ["1500ms", "1500ms"],
      ["0.5s", "500ms"],
      ["1500us", "1.5ms"],
      ["0", "0"],
      ["0ms", "0"]
    ] as const
    for (const [wanted, effective] of same) assert.isTrue(sameSetting(wanted, effective), `${wanted} is ${effective}`)
  })

  it("reads the server's spelling of a time, whatever its length", () => {
    const units = [
      ["d", 86_400_000],
      ["h", 3_600_000],
      ["min", 60_000],
      ["s", 1000],
      ["ms", 1]
    ] as const
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_147_483_647 }), (millis) => {
        const [unit, size] = units.find(([, size]) => millis % size === 0)!
        assert.isTrue(sameSetting(`${millis}ms`, `${millis / size}${unit}`))
        assert.isFalse(sameSetting(`${millis}ms`, `${millis + 1}ms`))
      })
    )
  })

  it("compares the rest without quotes, space and case", () => {
    assert.isTrue(sameSetting('"$user", public', '"$user",public'))
    assert.isTrue(sameSetting("ISO, MDY", "iso,mdy"))
    assert.isFalse(sameSetting("public", "private"))
    assert.isFalse(sameSetting("30s", "on"))
  })
})
