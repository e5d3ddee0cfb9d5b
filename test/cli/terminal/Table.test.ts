import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { widthOf } from "../../../src/cli/terminal/PlainText.ts"
import { type TableColumn, tableOf } from "../../../src/cli/terminal/Table.ts"

const columns: ReadonlyArray<TableColumn> = [
  { header: "PID", align: "right", isElastic: false, isExtra: false },
  { header: "STATE", align: "left", isElastic: false, isExtra: false },
  { header: "STATEMENT", align: "left", isElastic: true, isExtra: false },
  { header: "ROLE", align: "left", isElastic: true, isExtra: true },
  { header: "ADDRESS", align: "left", isElastic: false, isExtra: true }
]

const rows = [
  ["7", "idle", "select 1", "postgres", "10.0.0.1"],
  ["12345", "active", "select * from orders where customer = $1 order by created_at", "authenticated", "10.0.0.200"]
]

describe("A table", () => {
  it("is aligned, and whole where there is no width", () => {
    assert.deepStrictEqual(tableOf(columns, rows, undefined), {
      lines: [
        "  PID  STATE   STATEMENT                                                     ROLE           ADDRESS",
        "    7  idle    select 1                                                      postgres       10.0.0.1",
        "12345  active  select * from orders where customer = $1 order by created_at  authenticated  10.0.0.200"
      ],
      missing: []
    })
  })

  it("cuts prose before it leaves out a column", () => {
    const { lines, missing } = tableOf(columns, rows, 80)
    assert.deepStrictEqual(missing, [])
    assert.strictEqual(lines[2], "12345  active  select * from orders where customer =…  authenticated  10.0.0.200")
  })

  it("leaves out the last extra column first, and returns its header", () => {
    const { lines, missing } = tableOf(columns, rows, 60)
    assert.deepStrictEqual(missing, ["ADDRESS"])
    assert.strictEqual(lines[1], "    7  idle    select 1                        postgres")
    assert.deepStrictEqual(tableOf(columns, rows, 45).missing, ["ROLE", "ADDRESS"])
  })

  it("is never wider than the terminal, whatever it contains", () => {
    const column = fc.record({
      header: fc.stringMatching(/^[A-Z ]{1,20}$/),
      align: fc.constantFrom("left" as const, "right" as const),
      isElastic: fc.boolean(),
      isExtra: fc.boolean()
    })
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.constantFrom("日本語のテキスト", "é".repeat(30), "👩‍👩‍👧 family")
    )
    const table = fc
      .array(column, { minLength: 1, maxLength: 8 })
      .chain((columns) =>
        fc.tuple(
          fc.constant(columns),
          fc.array(fc.array(text, { minLength: columns.length, maxLength: columns.length }), { maxLength: 5 })
        )
      )
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 160 }), ([columns, rows], width) => {
        const { lines, missing } = tableOf(columns, rows, width)
        for (const line of lines) assert.isAtMost(widthOf(line), width)
        assert.lengthOf(lines, rows.length + 1)
        for (const header of missing)
          assert.isTrue(columns.some((column) => column.header === header && column.isExtra))
      })
    )
  })
})
