import { assert, describe, it } from "@effect/vitest"
import { costOf, isQuick, StatementSpeed, stopped, took } from "../../../src/services/pool/StatementSpeed.ts"

/** A text that ran so often, and took so long each time. */
const after = (sql: string, ...millis: ReadonlyArray<number>) => {
  const speed = new StatementSpeed().of(sql)
  for (const one of millis) took(speed, one)
  return speed
}

describe("what is known of a statement", () => {
  it("is nothing before its first run: it runs alone", () => {
    assert.isFalse(isQuick(after("select 1")))
    assert.isTrue(isQuick(after("select 1", 0.4)))
    assert.isTrue(isQuick(after("select 1", 10)))
    assert.isFalse(isQuick(after("select 1", 11)))
  })

  it("is kept by its text", () => {
    const speeds = new StatementSpeed()
    took(speeds.of("select 1"), 1)
    assert.isTrue(isQuick(speeds.of("select 1")))
    assert.isFalse(isQuick(speeds.of("select 2")))
  })

  it("changes when it has become slow, not for one busy moment, and back again", () => {
    const speed = after("select 1", 1)
    took(speed, 1000)
    assert.isTrue(isQuick(speed))
    took(speed, 1000)
    took(speed, 1000)
    assert.isFalse(isQuick(speed))
    for (let run = 0; run < 4; run++) took(speed, 1)
    assert.isTrue(isQuick(speed))
  })

  it("learns from a failure, or from a caller that gave up, that it is slow, but never that it is quick", () => {
    const unknown = after("select 1")
    stopped(unknown, 1)
    assert.isFalse(isQuick(unknown))
    const known = after("select 1", 1)
    for (let run = 0; run < 3; run++) stopped(known, 1000)
    assert.isFalse(isQuick(known))
    for (let run = 0; run < 100; run++) stopped(known, 1)
    assert.isFalse(isQuick(known))
  })

  it("costs those behind it what it takes, without a step: one busy moment does not make it ten times as dear", () => {
    const quick = costOf(after("select 1", 0.2))
    const hesitated = after("select 1", 0.2, 3)
    for (let run = 0; run < 10; run++) took(hesitated, 0.2)
    assert.isAbove(costOf(hesitated), quick)
    assert.isBelow(costOf(hesitated), 1.5 * quick)
    assert.approximately(costOf(after("select 1", 8)), 8, 1)
  })

  it("does not count where it leaves something behind, or is no statement of its own: it never shares", () => {
    for (const sql of [
      "set work_mem = '64MB'",
      "SELECT set_config('work_mem', '64MB', false)",
      "listen news",
      "notify news",
      "select pg_advisory_lock(1)",
      "select pg_try_advisory_lock_shared($1)",
      "create temp table mine (n int)",
      "select 1 as n into temp mine",
      "begin",
      "START TRANSACTION",
      "commit",
      "savepoint one",
      "lock table mine",
      "declare mine cursor with hold for select 1",
      "prepare mine as select 1",
      "call something()",
      "do $$ begin end $$",
      "explain analyze select 1",
      "vacuum",
      "copy mine from stdin",
      "",
      "   "
    ]) {
      assert.isFalse(isQuick(after(sql, 0, 0, 0)), sql)
    }
  })

  it("lets reads and writes share, whatever stands before them", () => {
    for (const sql of [
      "select 1",
      "\n  -- which one\n /* and why */ SELECT 1",
      "(select 1) union (select 2)",
      "insert into mine values (1) returning n",
      "Update mine set n = 2",
      "delete from mine",
      "with it as (select 1) select * from it",
      "values (1), (2)",
      "merge into mine using yours on true when matched then do nothing",
      "select pg_advisory_xact_lock(1)"
    ]) {
      assert.isTrue(isQuick(after(sql, 1)), sql)
    }
  })

  it("is forgotten when there are too many texts, and learned anew", () => {
    const speeds = new StatementSpeed()
    took(speeds.of("select 1"), 1)
    for (let text = 0; text < 5000; text++) speeds.of(`select ${text} as generated`)
    assert.isFalse(isQuick(speeds.of("select 1")))
    took(speeds.of("select 1"), 1)
    assert.isTrue(isQuick(speeds.of("select 1")))
  })
})
