import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Check, Row } from "../../../../src/services/inspect/checks/Check.ts"
import { checks } from "../../../../src/services/inspect/checks/AllChecks.ts"
import type { Cell, ColumnKind } from "../../../../src/services/inspect/checks/Column.ts"
import { inputOf } from "./CheckInput.ts"

const checkOf = (id: string): Check => {
  const check = checks.find((check) => check.id === id)
  if (check === undefined) throw new Error(`no check ${id}`)
  return check
}

const samples: { readonly [K in ColumnKind]: Cell } = {
  word: "w",
  name: "n",
  text: "t",
  statement: "select 1",
  count: 0,
  bytes: 0,
  millis: 0,
  share: 0,
  flag: true,
  time: "2026-11-22T11:00:00Z"
}

/** A row that passes every rule, with the given columns. */
const rowOf = (check: Check, given: Row): Row => ({
  ...Object.fromEntries(Object.entries(check.columns).map(([name, { kind }]) => [name, samples[kind]])),
  ...given
})

/** For each rule a row that just passes and one that just fails. */
const edges: Readonly<Record<string, readonly [check: string, good: Row, bad: Row]>> = {
  limits: ["pool-utilization", { scope: "server", share: 0.8 }, { scope: "server", share: 0.81 }],
  "statements-end": ["long-running-queries", {}, {}],
  "no-long-lock-waits": ["blocking", { waitedMillis: 1000 }, { waitedMillis: 1001 }],
  "locks-end": ["locks", { granted: true, ageMillis: 120_000 }, { granted: true, ageMillis: 120_001 }],
  "transactions-end": ["idle-in-transaction", { idleMillis: 60_000 }, { idleMillis: 60_001 }],
  "role-limits": ["role-stats", { share: 0.8 }, { share: 0.9 }],
  "table-hit-rate": [
    "db-stats",
    { tableHitRate: 0.94, blocksRequested: 10_000 },
    { tableHitRate: 0.93, blocksRequested: 10_000 }
  ],
  "index-hit-rate": [
    "db-stats",
    { indexHitRate: 0.94, blocksRequested: 10_000 },
    { indexHitRate: 0.93, blocksRequested: 10_000 }
  ],
  "indexes-valid": ["index-stats", { isValid: true }, { isValid: false }],
  "indexes-used": ["index-stats", { isUnused: true, size: 1_048_575 }, { isUnused: true, size: 1_048_576 }],
  "tables-have-indexes": [
    "table-stats",
    { rows: 10_000, wholeReads: 5, indexReads: 5 },
    { rows: 10_000, wholeReads: 6, indexReads: 5 }
  ],
  "little-waste": ["bloat", { waste: 10_485_760, wasteShare: 0.9 }, { waste: 10_485_761, wasteShare: 0.9 }],
  "vacuum-keeps-up": [
    "vacuum-stats",
    { isDue: true, rows: 500, deadRows: 499 },
    { isDue: true, rows: 500, deadRows: 500 }
  ],
  wraparound: ["vacuum-stats", { isDue: false, wraparound: 0.5 }, { isDue: false, wraparound: 0.51 }],
  "slots-are-read": [
    "replication-slots",
    { active: false, retained: 16_777_216, walStatus: "reserved" },
    { active: false, retained: 16_777_217, walStatus: "reserved" }
  ]
}

const outcomeOf = (check: Check, id: string, rows: ReadonlyArray<Row>, input = inputOf()) =>
  Effect.map(check.read(JSON.stringify(rows), input), ({ rules }) => rules.find((rule) => rule.id === id)?.outcome)

describe("The rules of a report", () => {
  it("are all tested at their threshold", () => {
    assert.deepStrictEqual(
      checks.flatMap(({ rules }) => rules.map(({ id }) => id)).toSorted(),
      Object.keys(edges).toSorted()
    )
  })

  for (const [id, [name, good, bad]] of Object.entries(edges)) {
    it.effect(`${id} passes at its threshold and fails beyond it`, () =>
      Effect.gen(function* () {
        const check = checkOf(name)
        const passing = id === "statements-end" ? [] : [rowOf(check, good)]
        assert.strictEqual(yield* outcomeOf(check, id, passing), "pass")
        assert.strictEqual(yield* outcomeOf(check, id, [...passing, rowOf(check, bad)].toReversed()), "fail")
      })
    )
  }

  it.effect("are unknown when there is too little data", () =>
    Effect.gen(function* () {
      const stats = checkOf("db-stats")
      const few = rowOf(stats, { tableHitRate: 0.1, indexHitRate: null, blocksRequested: 9999 })
      assert.strictEqual(yield* outcomeOf(stats, "table-hit-rate", [few]), "unknown")
      assert.strictEqual(yield* outcomeOf(stats, "index-hit-rate", [few]), "unknown")
      assert.strictEqual(yield* outcomeOf(stats, "table-hit-rate", []), "unknown")
      const young = inputOf({ facts: { statsResetAt: "2026-11-20T12:00:00Z" } })
      const indexes = checkOf("index-stats")
      const unused = rowOf(indexes, { isUnused: true, size: 1_048_576 })
      assert.strictEqual(yield* outcomeOf(indexes, "indexes-used", [unused], young), "unknown")
    })
  )

  it.effect("do not fail when the application's own pool is full", () =>
    Effect.gen(function* () {
      const check = checkOf("pool-utilization")
      assert.strictEqual(yield* outcomeOf(check, "limits", [rowOf(check, { scope: "ours", share: 1 })]), "pass")
    })
  )
})

describe("A check", () => {
  for (const check of checks) {
    it.effect(`${check.id} decodes its rows, explains an empty result, and refuses other rows`, () =>
      Effect.gen(function* () {
        const input = inputOf({ limit: 2 })
        const row = rowOf(check, {})
        const { isTruncated, rows } = yield* check.read(JSON.stringify([row, row, row]), input)
        assert.deepStrictEqual([rows.length, isTruncated], [2, true])
        assert.deepStrictEqual(yield* Schema.decodeUnknownEffect(check.row)(rows[0]), rows[0])
        assert.match(check.empty(input), /^[A-Z].*\.$/)
        assert.match(check.details, /\.$/)
        const none = yield* check.read("[]", input)
        assert.deepStrictEqual([none.rows.length, none.isTruncated], [0, false])
        assert.isTrue((yield* Effect.exit(check.read('[{"x":1}]', input)))._tag === "Failure")
      })
    )
  }

  it.effect("removes secrets and control characters from every text of the server", () =>
    Effect.gen(function* () {
      for (const check of checks) {
        const row = Object.fromEntries(
          Object.entries(check.columns).map(([name, { kind }]) => [
            name,
            typeof samples[kind] === "string" ? "a\u001b[31m 'geheim99' geheim99" : samples[kind]
          ])
        )
        const { nextSteps, rows, rules } = yield* check.read(JSON.stringify([row]), inputOf({ secrets: ["geheim99"] }))
        const text = JSON.stringify([rows, nextSteps, rules])
        assert.notInclude(text, "geheim99", check.id)
        assert.notInclude(text, "\\u001b", check.id)
      }
    })
  )
})

describe("Statement statistics", () => {
  const sqlOf = (statementsColumns: ReadonlyArray<string>, tracksIoTiming = true): string => {
    const query = checkOf("outliers").query(inputOf({ facts: { statementsColumns, tracksIoTiming } }))
    return "sql" in query ? query.sql : ""
  }

  it("use the column names of the extension's version", () => {
    const before = sqlOf(["total_time", "blk_read_time", "blk_write_time"])
    assert.include(before, " total_time as total, blk_read_time + blk_write_time as io")
    assert.include(
      sqlOf(["total_exec_time", "blk_read_time", "temp_blk_read_time"]),
      "blk_read_time + temp_blk_read_time"
    )
    const now = sqlOf(["total_exec_time", "shared_blk_read_time", "local_blk_read_time"])
    assert.include(now, " total_exec_time as total, shared_blk_read_time + local_blk_read_time as io")
    assert.include(sqlOf(["total_exec_time", "shared_blk_read_time"], false), "null::float8 as io")
  })

  it("explain how to enable them, and which role can grant the privilege", () => {
    const why = (facts: Parameters<typeof inputOf>[0] & {}) => {
      const query = checkOf("calls").query(inputOf(facts))
      return "unavailable" in query ? [query.unavailable, ...query.nextSteps].join(" ") : ""
    }
    assert.match(why({ facts: { statementsView: null } }), /not in the database postgres.*create extension/)
    assert.match(why({ facts: { statementsView: null, statementsLoaded: false } }), /shared_preload_libraries/)
    assert.match(why({ facts: { statementsLoaded: false } }), /without its library.*restart/)
    assert.match(why({ facts: { statementsReadable: false } }), /may not read.*grant select/)
    assert.strictEqual(why({}), "")
  })
})
