import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { applyStatement, readFacts, unapplied, unknownSettings } from "../../../src/services/session/SessionSettings.ts"

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
          { name: "statement_timeout", wanted: "30000ms", accepted: "30s", effective: "30s" },
          { name: "search_path", wanted: "a", accepted: "a", effective: "" }
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
      { set_0: "30s", effective_0: "30s", set_1: "5s", effective_1: "0" }
    )
    assert.deepStrictEqual(unapplied(facts), [{ name: "lock_timeout", wanted: "5s", accepted: "5s", effective: "0" }])
  })

  it("names an unknown setting, whatever the language of the server's message", () => {
    const settings = [
      ["work_mem", "4MB"],
      ["nope", "1"],
      ["work", "2"]
    ] as const
    const namesFor = (serverMessage?: string, sqlState = "42704") =>
      unknownSettings(settings, { sqlState, serverMessage }).map(({ name }) => name)
    for (const message of [
      'unrecognized configuration parameter "nope"',
      "paramètre de configuration « nope » non reconnu",
      "nicht erkannter Konfigurationsparameter »nope«"
    ]) {
      assert.deepStrictEqual(namesFor(message), ["sessionSettings.nope"])
    }
    assert.deepStrictEqual(namesFor('unrecognized configuration parameter "work"'), ["sessionSettings.work"])
    assert.deepStrictEqual(namesFor('unrecognized configuration parameter "nope"', "22023"), [])
    assert.deepStrictEqual(namesFor(), [])
  })
})
