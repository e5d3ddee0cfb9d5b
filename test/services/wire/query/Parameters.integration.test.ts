import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Stream from "effect/Stream"
import { Place, placesIn } from "../../../../src/services/wire/query/InferredTypes.ts"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../../PoolHarness.ts"

const client = Effect.gen(function* () {
  const postgres = yield* TestPostgres
  return yield* poolAt({ url: postgres.url, pool: { min: 1, max: 1 } })
})

/** The value as the server has it, as text. */
const asText = (sql: PgClient, expression: string, value: unknown) =>
  Effect.map(sql.unsafe<{ t: string }>(`select (${expression})::text as t`, [value]), ([row]) => row?.t)

layer(TestPostgres.layer, { excludeTestServices: true })("a parameter", (it) => {
  it.effect("that is an array has the common type of its elements", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      const cases: ReadonlyArray<readonly [ReadonlyArray<unknown>, string, string]> = [
        [[0, 0.25], "double precision[]", "{0,0.25}"],
        [[1, 2 ** 32], "bigint[]", "{1,4294967296}"],
        [[1, 2n, null], "bigint[]", "{1,2,NULL}"],
        [[2 ** 32, 0.5], "double precision[]", "{4294967296,0.5}"],
        [[0.5, 2n ** 60n], "numeric[]", "{0.5,1152921504606846976}"],
        [[1, 2n ** 70n], "numeric[]", "{1,1180591620717411303424}"],
        [[Number.NaN, Infinity, -Infinity, 1], "double precision[]", "{NaN,Infinity,-Infinity,1}"],
        [[-0, 0.5], "double precision[]", "{-0,0.5}"],
        [[true, null, false], "boolean[]", "{t,NULL,f}"],
        [["a", null, 'b,"{\\'], "text[]", String.raw`{a,NULL,"b,\"{\\"}`],
        [[undefined, 1], "integer[]", "{NULL,1}"],
        [
          [
            [1, 2],
            [3, null]
          ],
          "integer[]",
          "{{1,2},{3,NULL}}"
        ],
        [
          [
            [1, 2 ** 40],
            [0.5, 3]
          ],
          "double precision[]",
          "{{1,1099511627776},{0.5,3}}"
        ],
        [
          [
            ["a", 'b"c\\'],
            ["", "NULL"]
          ],
          "text[]",
          String.raw`{{a,"b\"c\\"},{"","NULL"}}`
        ],
        [[[new Uint8Array([0, 255])]], "bytea[]", String.raw`{{"\\x00ff"}}`],
        [[[true], [false]], "boolean[]", "{{t},{f}}"]
      ]
      for (const [value, type, text] of cases) {
        const rows = yield* sql.unsafe("select pg_typeof($1)::text as type, $1::text as text", [value])
        assert.deepStrictEqual(rows, [{ type, text }], JSON.stringify(text))
      }
    })
  )

  it.effect("that is an array of dates arrives with the instant of each, in nested ones and before Christ too", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      const dates = ["2026-01-02T03:04:05.678Z", "-000043-03-15T12:00:00.000Z", "+010000-01-01T00:00:00.000Z"]
      const values = dates.map((date) => new Date(date))
      const read = "select array(select extract(epoch from v)::float8 * 1000 from unnest($1::timestamptz[]) v) as v"
      const expected = [{ v: values.map((date) => date.getTime()) }]
      assert.deepStrictEqual(yield* sql.unsafe(read, [values]), expected)
      assert.deepStrictEqual(yield* sql.unsafe(read, [[values]]), expected)
    })
  )

  it.effect("that is an array without a typed element has the type of its place", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      assert.strictEqual(yield* asText(sql, "$1::int[]", [null]), "{NULL}")
      assert.strictEqual(yield* asText(sql, "$1::uuid[]", [null, undefined]), "{NULL,NULL}")
      assert.strictEqual(yield* asText(sql, "$1::int[]", []), "{}")
      assert.strictEqual(yield* asText(sql, "$1::text[]", [[], []]), "{}")
      const counted = yield* sql`select 1 as n where 5 = any(${[null]}) or 5 = any(${[]}) or 5 = any(${[4, 5]})`
      assert.deepStrictEqual(counted, [{ n: 1 }])
    })
  )

  it.effect("that is a typed array has the array type of its elements", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      const cases: ReadonlyArray<readonly [ArrayBufferView, string, string]> = [
        [new Float32Array([0, 0.1]), "real[]", "{0,0.1}"],
        [new Float64Array([0, 0.1]), "double precision[]", "{0,0.1}"],
        [new Int16Array([-1]), "smallint[]", "{-1}"],
        [new Uint16Array([65_535]), "integer[]", "{65535}"],
        [new Int32Array([]), "integer[]", "{}"],
        [new Uint32Array([2 ** 32 - 1]), "bigint[]", "{4294967295}"],
        [new BigInt64Array([-1n]), "bigint[]", "{-1}"],
        [new BigUint64Array([2n ** 64n - 1n]), "numeric[]", "{18446744073709551615}"],
        [new Uint8Array([1, 2]), "bytea", String.raw`\x0102`],
        [new DataView(new ArrayBuffer(1)), "bytea", String.raw`\x00`]
      ]
      for (const [value, type, text] of cases) {
        const rows = yield* sql.unsafe("select pg_typeof($1)::text as type, $1::text as text", [value])
        assert.deepStrictEqual(rows, [{ type, text }])
      }
    })
  )

  it.effect("that is a number arrives in its column or cast as JavaScript prints it, or fails", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      yield* sql`create table if not exists item
        (i int, l bigint, price numeric, f float8, r real, t text, ints int[], prices numeric[])`
      const numbers = [12_345_678_901_234.56, 0.1 + 0.2, 1e21, 1e-7, -1.5, 0, 123_456_789_012_345_680_000]
      for (const n of numbers) {
        const text = String(n)
        assert.strictEqual(yield* asText(sql, `$1::numeric = '${text}'::numeric`, n), "true")
        const inserted =
          yield* sql`insert into item ${sql.insert({ price: n, f: n, t: n })} returning f, t, price = ${text}::numeric as same`
        assert.deepStrictEqual(inserted, [{ f: n, t: text, same: true }])
        const updated =
          yield* sql`update item set price = ${n}, f = ${n} where ${n} = f returning price = ${text}::numeric as same`
        assert.isTrue(updated.length > 0 && updated.every(({ same }) => same === true))
      }
      yield* sql`delete from item`
      for (const n of [Number.NaN, Infinity, -Infinity]) {
        const [row] = yield* sql`insert into item(f, price) values (${n}, ${n}) returning f, price::text as price`
        assert.deepStrictEqual(row, { f: n, price: String(n) })
      }
      const [zero] = yield* sql`insert into item(f) values (${-0}) returning f`
      assert.isTrue(Object.is(zero!["f"], -0))
      const exact =
        yield* sql`insert into item(prices) values (${[0, 12_345_678_901_234.56]}) returning prices::text as prices`
      assert.deepStrictEqual(exact, [{ prices: "{0,12345678901234.56}" }])
      for (const failing of [
        sql`insert into item(i) values (${1.5})`,
        sql`insert into item ${sql.insert([
          { i: 1, l: 1 },
          { i: 2, l: 2.5 }
        ])}`,
        sql`update item set i = ${1.5}, t = ${"x"} where f = ${1}`,
        sql`select ${1.5}::int`,
        sql`select cast(${1e21} as bigint)`,
        sql`select ${[1, 1.5]}::int[]`,
        sql`select ${new Float64Array([1.5])}::smallint[]`,
        sql`insert into item(i) values (1) on conflict do nothing; select ${0.5}::int4`
      ]) {
        const error = yield* Effect.flip(failing)
        assert.match(error.message, /invalid input syntax for type|multiple commands/)
      }
    })
  )

  it.effect("that is a number beside a column or a number keeps its own type", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      const rows = yield* sql`select ${1} + ${0.5} as sum, ${2} as int, ${2 ** 40} as long, ${0.1} as real,
        ${2n ** 70n} as huge from (values (1)) v(i) where i < ${1.5} and i in (${1}, ${2 ** 40})`
      const long = BigInt(2 ** 40)
      assert.deepStrictEqual(rows, [{ sum: 1.5, int: 2, long, real: 0.1, huge: String(2n ** 70n) }])
      const updated = yield* sql`with moved(id) as (values (${1}), (${2})) select sum(id)::int as n from moved`
      assert.deepStrictEqual(updated, [{ n: 3 }])
    })
  )

  it.effect("may come 65535 times, also as text, null and array, by name and without", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      for (const count of [32_768, 65_535]) {
        const values = Array.from({ length: count }, (_, n) => (n % 3 === 0 ? null : n % 3 === 1 ? n : String(n)))
        const list = values.map((_, n) => `($${n + 1}::int)`).join(",")
        const text = `select count(v)::int as n, sum(v)::int8 as sum from (values ${list}) x(v)`
        const sum = values.reduce<number>((total, value) => total + Number(value ?? 0), 0)
        const expected = [{ n: values.filter((value) => value !== null).length, sum: BigInt(sum) }]
        assert.deepStrictEqual(yield* sql.unsafe(text, values), expected)
        assert.deepStrictEqual(yield* sql.unsafe(text, values).unprepared, expected)
      }
    })
  )

  it.effect("of another type of number or null does not prepare the statement again where the type is known", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      yield* sql`create table if not exists stored (a numeric, b int)`
      for (const [a, b] of [
        [1, 1],
        [0.5, null],
        [2n ** 80n, 2],
        [null, null],
        ["7", "8"]
      ] as const) {
        yield* sql`insert into stored(a, b) values (${a}, ${b})`
        yield* sql`select b from stored where ${b} = b and ${a} = a`
      }
      for (const id of [1, null, 2]) yield* sql`select 1 as looked where ${id} = 1`
      const count = (like: string) =>
        Effect.map(
          sql.unsafe<{ n: number }>(
            `select count(*)::int as n from pg_prepared_statements where statement like '${like}%'`
          ),
          ([row]) => row?.n
        )
      assert.strictEqual(yield* count("insert into stored"), 1)
      assert.strictEqual(yield* count("select 1 as looked"), 1)
    })
  )

  it.effect("means the same in a stream", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      const rows = (statement: Stream.Stream<object, unknown>) => Stream.runCollect(statement)
      const streamed = yield* rows(
        sql`select ${[0, 0.25]}::float8[] as v, ${2n ** 70n}::numeric as n, ${[1, 2n]}::text as t`.stream
      )
      assert.deepStrictEqual([...streamed], [{ v: [0, 0.25], n: String(2n ** 70n), t: "{1,2}" }])
      const error = yield* Effect.flip(rows(sql`select ${[1, "a"] as never} as v`.stream))
      assert.include(String(error), "cannot be sent: parameter $1")
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )
})

describe("the place of a parameter", () => {
  const { anywhere, column, numberCast } = Place
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
    ["insert into t(a, b) values ($1, $2), (default, $3)", [column, column, column]],
    ["insert into t values ($1 + 1, lower($2), -$3, ($4))", []],
    ["INSERT INTO t VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = $2, c = $3 + 1 WHERE t.d = $4", [column, column]],
    ["with x as (insert into t values ($1) returning a) select $2 from x where a = $3", [column]],
    ["update t set a = $1, b = t.b + $2, c=$3 where d = $4", [column, anywhere, column]],
    ["update t set a = $1 from (values ($2, $3)) v(x, y) where t.x = $4", [column]],
    ["update t set a = (b = $1), c = b = $2, d = case when $3 = e then $4 end", []],
    [
      "select $1::int, $2 :: numeric(10,2)[], cast($3 as double precision), $4::text, cast($5 as date)",
      [numberCast, numberCast, numberCast]
    ],
    ["select $1::int, $1::numeric, $2::interval, $3::integers", []],
    ["insert into t values ('$1', $$ ($2) $$, /* ($3) /* */ */ \"$4\", $5) -- ($6)", [0, 0, 0, 0, column]],
    ["insert into t select $1, $2 from (values ($3)) v", []],
    [
      "merge into t using u on a = $1 when matched then update set b = $2 when not matched then insert values ($3)",
      [anywhere, column, column]
    ]
  ]
  it("is a column's only where nothing but the parameter is its value", () => {
    for (const [sql, expected] of cases) {
      const places = [...(placesIn(sql) ?? [])]
      while (places.at(-1) === anywhere) places.pop()
      assert.deepStrictEqual(places, expected, sql)
    }
    assert.strictEqual(placesIn("select 1"), undefined)
  })
})
