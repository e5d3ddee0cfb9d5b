import { assert, describe, it } from "@effect/vitest"
import { cellText, csvOf, headerOf, tableColumns } from "../../../src/cli/inspect/Cells.ts"
import {
  bytes,
  count,
  extra,
  flag,
  maybe,
  millis,
  name,
  share,
  statement
} from "../../../src/services/inspect/checks/Column.ts"

describe("A cell", () => {
  it("has its unit in a table, and a dash when it is empty", () => {
    assert.deepStrictEqual(
      [
        cellText(1536, "bytes"),
        cellText(61_000, "millis"),
        cellText(0.805, "share"),
        cellText(12_345, "count"),
        cellText(false, "flag"),
        cellText(null, "bytes"),
        cellText("", "name")
      ],
      ["1.5 KiB", "1m 01s", "80.5 %", "12345", "no", "-", "-"]
    )
  })

  it("has a readable header", () => {
    assert.deepStrictEqual(["blockingPid", "ageMillis", "isUnused", "size"].map(headerOf), [
      "BLOCKING PID",
      "AGE",
      "UNUSED",
      "SIZE"
    ])
    const [pid, text] = tableColumns({ pid: count("."), text: extra(statement(".")) })
    assert.deepInclude(pid, { align: "right", isElastic: false, isExtra: false })
    assert.deepInclude(text, { align: "left", isElastic: true, isExtra: true })
  })
})

describe("CSV", () => {
  it("has plain numbers, quotes where needed, and starts no formula in a spreadsheet", () => {
    const columns = { name: name("."), size: bytes("."), age: maybe(millis(".")), part: share("."), yes: flag(".") }
    const rows = [
      { name: 'a "b", c', size: 1024, age: null, part: 0.5, yes: true },
      { name: "=cmd|' /C calc'!A0", size: -1, age: 5, part: 1, yes: false }
    ]
    assert.strictEqual(
      csvOf(columns, rows),
      'name,size,age,part,yes\r\n"a ""b"", c",1024,,0.5,true\r\n\'=cmd|\' /C calc\'!A0,-1,5,1,false\r\n'
    )
  })
})
