import { assert, describe, it } from "@effect/vitest"
import { OperationTimes } from "../../../src/services/stats/OperationTimes.ts"
import { operationOf } from "../../../src/services/stats/StatementText.ts"

const countsOf = (times: OperationTimes) =>
  Array.from(times.series, ({ duration, errorType, operation }) => [operation, errorType, duration.count])

describe("OperationTimes", () => {
  it("groups statements by the first word, behind blanks, brackets and comments", () => {
    assert.strictEqual(operationOf("select 1"), "SELECT")
    assert.strictEqual(operationOf("  -- why\n /* and\n how */ (Insert into t"), "INSERT")
    assert.strictEqual(operationOf("frobnicate"), "_OTHER")
    assert.strictEqual(operationOf(""), "_OTHER")
  })

  it("counts successes by operation and failures by error type", () => {
    const times = new OperationTimes()
    times.succeeded("select 1", 2)
    times.succeeded("select 2", 3)
    times.succeeded("update t set a = 1", 3)
    times.succeeded("select 2", 700)
    times.failed("select 1", 1, { errorType: "42P01", sqlState: "42P01" })
    assert.deepStrictEqual(countsOf(times), [
      ["SELECT", undefined, 3],
      ["UPDATE", undefined, 1],
      ["SELECT", "42P01", 1]
    ])
    const [selects] = times.series
    assert.closeTo(selects!.duration.sum, 0.705, 1e-9)
    assert.deepStrictEqual([selects!.duration.min, selects!.duration.max], [0.002, 0.7])
  })

  it("reports each new series once", () => {
    const times = new OperationTimes()
    let reports = 0
    times.onSeries = () => reports++
    for (const sql of ["select 1", "select 2", "delete from t", "select 1"]) times.succeeded(sql, 1)
    assert.strictEqual(reports, 2)
  })

  it("has a bounded number of series, however many SQLSTATEs a program raises", () => {
    const times = new OperationTimes()
    for (let n = 0; n < 5000; n++) {
      const sqlState = n.toString(36).toUpperCase().padStart(5, "U")
      times.failed("select raise()", 1, { errorType: sqlState, sqlState })
    }
    const series = Array.from(times.series)
    assert.isAtMost(series.length, 201)
    assert.strictEqual(
      series.reduce((sum, { duration }) => sum + duration.count, 0),
      5000
    )
    assert.isAbove(series.find(({ errorType }) => errorType === "_OTHER")?.duration.count ?? 0, 4000)
  })
})
