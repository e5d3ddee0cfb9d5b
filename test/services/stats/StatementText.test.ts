import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { strongerTaint, type Taint, taintOf } from "../../../src/services/stats/StatementText.ts"
import { processorTime } from "../../Timing.ts"

const CLEAN = [
  "select 1",
  "insert into t (a) values ($1)",
  "update t set x = 1",
  "update t set\n  reset = true",
  "delete from t where declare_at < now()",
  "with a as (select 1) select * from a",
  "begin",
  "commit",
  "rollback",
  "savepoint a",
  "set local statement_timeout = 100",
  "SET LOCAL role = 'a'",
  "set transaction isolation level serializable",
  "set constraints all deferred",
  "prepare transaction 'a'",
  "select pg_advisory_xact_lock(1)",
  "select pg_try_advisory_xact_lock(1)",
  "select pg_advisory_unlock(1)",
  "create table t (a int)",
  "insert into temperatures values (1)",
  "select settings from discarded",
  "notify channel",
  "",
  "   "
]

const RESET = [
  "set statement_timeout = 100",
  "SET search_path TO a",
  "set session authorization a",
  "reset all",
  "listen channel",
  "unlisten channel",
  "create temp table t (a int)",
  "create temporary table t as select 1",
  "create local temp table t (a int)",
  "CREATE GLOBAL TEMPORARY TABLE t (a int)",
  "create or replace temp view v as select 1",
  "select 1 as a into temp t",
  "select a into temporary t from b",
  "insert into pg_temp.t values (1)",
  "select set_config('a.b', 'c', false)",
  "select set_config ('a.b', 'c', false)",
  "select pg_advisory_lock(1)",
  "select pg_advisory_lock_shared(1)",
  "select pg_try_advisory_lock(1)",
  "select pg_catalog.pg_try_advisory_lock_shared(1)",
  "with locked as (select pg_advisory_lock(1)) select 1",
  "select dblink_connect('a')",
  "do $$ begin end $$",
  "call p()",
  "declare c cursor with hold for select 1"
]

const CLOSE = [
  "prepare x as select 1",
  "PREPARE x (int) AS SELECT $1",
  "deallocate x",
  "deallocate all",
  "discard all",
  "discard plans",
  "load 'a'"
]

const TABLE: ReadonlyArray<readonly [Taint, ReadonlyArray<string>]> = [
  ["clean", CLEAN],
  ["reset", RESET],
  ["close", CLOSE]
]

const noise = fc
  .array(
    fc.constantFrom(" ", "\n", "\t", "-- set role a\n", "/* prepare x */", "/* multiple\nlines */", "--\n", "/**/"),
    { maxLength: 5 }
  )
  .map((parts) => parts.join(""))

describe("taintOf", () => {
  for (const [taint, statements] of TABLE) {
    for (const sql of statements) {
      it(`is ${taint} for "${sql.replaceAll("\n", " ")}"`, () => assert.strictEqual(taintOf(sql), taint))
    }
  }

  it("skips comments and space before the verb, and ignores case", () => {
    const statement = fc.constantFrom(...TABLE.flatMap(([taint, texts]) => texts.map((sql) => [taint, sql] as const)))
    fc.assert(
      fc.property(noise, statement, fc.boolean(), (before, [taint, sql], upper) => {
        assert.strictEqual(taintOf(before + (upper ? sql.toUpperCase() : sql)), taint)
      })
    )
  })

  it("takes linear time for hostile texts", () => {
    const millis = processorTime(() => {
      for (const evil of [
        " ".repeat(50_000),
        "/*".repeat(50_000),
        "-- \n".repeat(20_000),
        `into ${"\t".repeat(50_000)}`
      ]) {
        taintOf(evil)
      }
    })
    assert.isBelow(millis, 1000)
  })

  it("keeps the stronger of two", () => {
    const order: ReadonlyArray<Taint> = ["clean", "reset", "close"]
    for (const [i, a] of order.entries()) {
      for (const [j, b] of order.entries()) assert.strictEqual(strongerTaint(a, b), order[Math.max(i, j)])
    }
  })
})
