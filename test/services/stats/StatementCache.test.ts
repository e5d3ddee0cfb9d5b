import { assert, describe, it } from "@effect/vitest"
import { StatementCache, StatementFacts } from "../../../src/services/stats/StatementCache.ts"

/** A text after successful runs of these durations. */
const after = (sql: string, ...millis: ReadonlyArray<number>) => {
  const facts = new StatementFacts(sql)
  for (const one of millis) facts.succeeded(one)
  return facts
}

describe("StatementFacts", () => {
  it("does not let a statement share before its first run", () => {
    assert.isFalse(after("select 1").isQuick)
    assert.isTrue(after("select 1", 0.4).isQuick)
    assert.isTrue(after("select 1", 10).isQuick)
    assert.isFalse(after("select 1", 11).isQuick)
  })

  it("becomes slow after several slow runs, not after one, and quick again", () => {
    const facts = after("select 1", 1)
    facts.succeeded(1000)
    assert.isTrue(facts.isQuick)
    facts.succeeded(1000)
    facts.succeeded(1000)
    assert.isFalse(facts.isQuick)
    for (let run = 0; run < 4; run++) facts.succeeded(1)
    assert.isTrue(facts.isQuick)
  })

  it("counts a failure or an interruption as evidence that a statement is slow, never that it is quick", () => {
    const unknown = after("select 1")
    unknown.stopped(1)
    assert.isFalse(unknown.isQuick)
    const known = after("select 1", 1)
    for (let run = 0; run < 3; run++) known.stopped(1000)
    assert.isFalse(known.isQuick)
    for (let run = 0; run < 100; run++) known.stopped(1)
    assert.isFalse(known.isQuick)
  })

  it("has a cost that rises continuously with the duration", () => {
    const quick = after("select 1", 0.2).cost
    const hesitated = after("select 1", 0.2, 3)
    for (let run = 0; run < 10; run++) hesitated.succeeded(0.2)
    assert.isAbove(hesitated.cost, quick)
    assert.isBelow(hesitated.cost, 1.5 * quick)
    assert.approximately(after("select 1", 8).cost, 8, 1)
  })

  it("never lets a statement share that leaves state behind or depends on others", () => {
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
      assert.isFalse(after(sql, 0, 0, 0).isQuick, sql)
    }
  })

  it("lets reads and writes share, also behind comments and brackets", () => {
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
      assert.isTrue(after(sql, 1).isQuick, sql)
    }
  })
})

describe("StatementCache", () => {
  /** Different texts of the same length. */
  const text = (n: number, length: number) => `select ${n} -- `.padEnd(length, "x")

  it("keeps the facts of each text", () => {
    const cache = new StatementCache()
    cache.get("select 1").succeeded(1)
    assert.strictEqual(cache.get("select 1"), cache.get("select 1"))
    assert.isTrue(cache.get("select 1").isQuick)
    assert.isFalse(cache.get("select 2").isQuick)
    assert.deepStrictEqual([cache.get("set a = 1").taint, cache.get("set a = 1").operation], ["reset", "SET"])
  })

  it("keeps at most 2 000 texts", () => {
    const cache = new StatementCache()
    for (let n = 0; n < 2000; n++) cache.get(text(n, 20))
    assert.strictEqual(cache.size, 2000)
    for (let n = 0; n < 10_000; n++) {
      cache.get(`select ${n} as generated`)
      assert.isAtMost(cache.size, 2000)
    }
  })

  it("keeps at most 4 MiB of text, counted as two bytes per character", () => {
    const cache = new StatementCache()
    for (let n = 0; n < 512; n++) cache.get(text(n, 4096))
    assert.strictEqual(cache.size, 512)
    cache.get(text(512, 1))
    assert.strictEqual(cache.size, 1)
    for (let n = 0; n < 2000; n++) {
      cache.get(text(n, 4096))
      assert.isAtMost(cache.size, 512)
    }
  })

  it("does not keep a text of more than 4 096 characters, but examines it", () => {
    const cache = new StatementCache()
    const long = `set a = '${"x".repeat(4096)}'`
    assert.deepStrictEqual([cache.get(long).taint, cache.get(long).operation], ["reset", "SET"])
    cache.get(text(1, 4097)).succeeded(1)
    assert.isFalse(cache.get(text(1, 4097)).isQuick)
    assert.strictEqual(cache.size, 0)
    cache.get(text(1, 4096)).succeeded(1)
    assert.isTrue(cache.get(text(1, 4096)).isQuick)
    assert.strictEqual(cache.size, 1)
  })

  it("examines a text again after it was dropped", () => {
    const cache = new StatementCache()
    cache.get("select 1").succeeded(1)
    for (let n = 0; n < 5000; n++) cache.get(`select ${n} as generated`)
    assert.isFalse(cache.get("select 1").isQuick)
    cache.get("select 1").succeeded(1)
    assert.isTrue(cache.get("select 1").isQuick)
  })
})
