import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { harmlessFunctions, sessionFunctions } from "../../../src/services/stats/KnownFunctions.ts"
import { isCommit, isRepeatable } from "../../../src/services/stats/StatementEffects.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"

const REPEATABLE = [
  "",
  "-- nothing",
  "select 1",
  "SELECT now(), count(*), max(a) from t where b in ($1, $2) and c = any($3)",
  "(select 1) union all (select 2)",
  "select pg_catalog.now()",
  'select "now"()',
  "select pg_sleep(1), random(), gen_random_uuid()",
  "select 'delete from t', $$ writes() $$, \"insert\" from t",
  "select /* writes( */ 1 -- nextval('s')",
  "select * from t where id = 1 for update skip locked",
  "select * from t for no key update",
  "with a(x, y) as materialized (select 1, 2) select x from a",
  "with recursive n as (select 1 as i union all select i + 1 from n where i < 9) select sum(i) over (partition by i) from n",
  "select coalesce(a, b)::numeric(10, 2), cast(c as varchar(20)), extract(year from d) from t group by (a)",
  "select array_agg(x order by x) filter (where x > 0) from generate_series(1, 3) as g(x)",
  "select * from jsonb_each($1) where exists (select from unnest($2::int[]) as u(i))",
  "values (1), (2)",
  "table t",
  "show statement_timeout",
  "explain insert into t values (1)",
  "explain (costs off) delete from t",
  "explain analyze select count(*) from t",
  "explain (analyze, buffers) with a as (select 1) select * from a",
  "select set_config('a.b', '1', false), pg_advisory_lock(1)",
  "set search_path to a",
  "begin",
  "rollback",
  "savepoint a",
  "listen a",
  "prepare x as insert into t values (1)",
  "select 1;"
]

const NOT_REPEATABLE = [
  "insert into t values (1)",
  "update t set a = a + 1",
  "delete from t",
  "merge into t using s on true when matched then delete",
  "with x as (insert into t values (1) returning *) select * from x",
  "with x as materialized (delete from t returning 1) select 1",
  "select 1 into t",
  "select * into temp t from s",
  "select writes()",
  "select writes ()",
  "select writes/* */(1)",
  "select public.now()",
  "select a.pg_catalog.now()",
  'select "Now"()',
  'select U&"n\\006fw"()',
  "select nextval('s')",
  "select setval('s', 1)",
  "select pg_notify('a', 'b')",
  "select lo_import('a')",
  "select query_to_xml('delete from t', true, true, '')",
  "select * from writes() as w(a int)",
  "select over(1)",
  "select 1 /* a /* */ -- */ , writes()",
  "select E'\\'', writes() --'",
  "select $a$ $$ $a$, writes()",
  "values (writes())",
  "explain analyze insert into t values (1)",
  "explain (analyze, buffers) select writes()",
  "explain analyze execute x",
  "explain analyze create table t as select 1",
  "call p()",
  "do $$ begin end $$",
  "execute x",
  "copy t from stdin",
  "create table t (a int)",
  "truncate t",
  "notify a",
  "refresh materialized view m",
  "declare c cursor with hold for select writes()",
  "rollback prepared 'a'",
  "prepare transaction 'a'",
  "commit",
  "nonsense",
  "select 1; delete from t",
  "select 'a"
]

describe("isRepeatable", () => {
  for (const sql of REPEATABLE) it(`is true for: ${sql}`, () => assert.isTrue(isRepeatable(sql)))
  for (const sql of NOT_REPEATABLE) it(`is false for: ${sql}`, () => assert.isFalse(isRepeatable(sql)))
})

describe("isCommit", () => {
  it("knows COMMIT, END and PREPARE TRANSACTION behind any comment", () => {
    for (const sql of ["commit", "COMMIT and chain", "/* a */ end", "prepare transaction 'a'"]) {
      assert.isTrue(isCommit(sql), sql)
    }
    for (const sql of ["select 'commit'", "rollback", "prepare x as select 1", "insert into commit values (1)"]) {
      assert.isFalse(isCommit(sql), sql)
    }
  })
})

layer(TestPostgres.layer, { excludeTestServices: true })("the list of known functions", (it) => {
  const volatility = Effect.gen(function* () {
    const postgres = yield* TestPostgres
    const rows = yield* postgres.admin(
      "select proname, bool_or(provolatile = 'v') as writes from pg_proc " +
        "where pronamespace = 'pg_catalog'::regnamespace group by 1"
    )
    const version = yield* postgres.admin("select current_setting('server_version_num')::int as v")
    return {
      version: Number(version[0]?.["v"]),
      byName: new Map(rows.map((row) => [String(row["proname"]), row["writes"] === true]))
    }
  })

  it.effect("has no function that is volatile, but for those that are listed as harmless", () =>
    Effect.gen(function* () {
      const { byName } = yield* volatility
      const volatile = Array.from(harmlessFunctions().notVolatile).filter((name) => byName.get(name) === true)
      assert.deepStrictEqual(volatile, [])
    })
  )

  it.effect("names built-in functions only", () =>
    Effect.gen(function* () {
      const { byName, version } = yield* volatility
      // The list is that of PostgreSQL 17; older servers lack some.
      if (version < 170_000) return
      const { notVolatile, volatile } = harmlessFunctions()
      const names = [...notVolatile, ...volatile, ...sessionFunctions()]
      assert.deepStrictEqual(
        names.filter((name) => !byName.has(name)),
        []
      )
      assert.deepStrictEqual(
        [...volatile, ...sessionFunctions()].filter((name) => byName.get(name) === false),
        []
      )
    })
  )
})
