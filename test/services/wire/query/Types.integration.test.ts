import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import { SessionError } from "../../../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { poolAt, stack } from "../../../PoolHarness.ts"

const client = Effect.gen(function* () {
  const postgres = yield* TestPostgres
  return yield* poolAt({ url: postgres.url, pool: { min: 1, max: 1 } })
})

/** Values of each built-in type: ordinary, smallest, largest, empty. */
const VALUES: Readonly<Record<string, ReadonlyArray<string>>> = {
  aclitem: ["postgres=r/postgres"],
  bit: ["1", "0"],
  bool: ["t", "f"],
  box: ["(3,4),(1,2)"],
  bpchar: ["a ", ""],
  bytea: ["\\x00ff41", "\\x"],
  char: ["a", "", "\\377"],
  cid: ["0", "4294967295"],
  cidr: ["10.0.0.0/8", "2001:db8::/32"],
  circle: ["<(1,2),3>"],
  date: ["2026-01-02", "0001-01-01", "4713-01-01 BC", "0001-06-01 BC", "5874897-12-31", "infinity", "-infinity"],
  datemultirange: ["{[2026-01-01,2026-02-01),[2027-01-01,)}", "{}"],
  daterange: ["[2026-01-01,2026-02-01)", "empty", "(,)"],
  float4: ["0.1", "-3.4028235e38", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity", "-0"],
  float8: ["0.1", "-1.7976931348623157e308", "5e-324", "NaN", "Infinity", "-Infinity", "-0"],
  inet: ["10.0.0.1", "10.0.0.1/8", "::1", "::ffff:1.2.3.4/64"],
  int2: ["1", "-32768", "32767"],
  int2vector: ["1 2 3", ""],
  int4: ["0", "-2147483648", "2147483647"],
  int4multirange: ["{[1,2),[5,9)}", "{}"],
  int4range: ["[1,5)", "empty", "(,)"],
  int8: ["1", "-9223372036854775808", "9223372036854775807"],
  int8multirange: ["{[1,2)}"],
  int8range: ["[1,9223372036854775807)"],
  interval: [
    "1 year 2 mons -3 days +04:05:06.789",
    "-1 mons +2 days -00:00:00.000001",
    "-178000000 years",
    "178000000 years",
    "2562047788:00:54.775807",
    "00:00:00"
  ],
  json: ['{"a": [1, null]}', '"x"', "null"],
  jsonb: ['{"a": [1, null]}', "[]"],
  jsonpath: ['$."a"[*]'],
  line: ["{1,2,3}"],
  lseg: ["[(1,2),(3,4)]"],
  macaddr: ["08:00:2b:01:02:03"],
  macaddr8: ["08:00:2b:01:02:03:04:05"],
  money: ["$12.34", "-$92,233,720,368,547,758.08", "$92,233,720,368,547,758.07"],
  name: ["a", ""],
  numeric: ["0.10", "-12345678901234567890.123456789", "1e100", "NaN", "Infinity", "-Infinity", "0"],
  nummultirange: ["{[1.5,2.5]}"],
  numrange: ["[1.5,2.5]", "(,0]"],
  oid: ["0", "4294967295"],
  oidvector: ["1 2", ""],
  path: ["[(1,2),(3,4)]", "((1,2),(3,4))"],
  pg_lsn: ["16/B374D848", "0/0", "FFFFFFFF/FFFFFFFF"],
  pg_snapshot: ["10:20:10,14,15"],
  point: ["(1.5,200)", "(NaN,Infinity)"],
  polygon: ["((0,0),(1,1),(1,0))"],
  refcursor: ["cursor", ""],
  regclass: ["pg_class"],
  regcollation: ['"C"'],
  regconfig: ["english"],
  regdictionary: ["simple"],
  regnamespace: ["pg_catalog"],
  regoper: ["pg_catalog.||/"],
  regoperator: ["+(integer,integer)"],
  regproc: ["now"],
  regprocedure: ["abs(integer)"],
  regrole: ["postgres"],
  regtype: ["integer"],
  text: ["a", "", 'ä€😀 "\\{},; NULL', "NULL"],
  tid: ["(0,1)"],
  time: ["00:00:00", "12:34:56.789012", "24:00:00"],
  timestamp: [
    "2026-01-02 03:04:05.678901",
    "1999-12-31 23:59:59.999999",
    "0044-03-15 12:00:00 BC",
    "4713-01-01 00:00:00 BC",
    "275760-09-13 00:00:00",
    "294276-12-31 23:59:59.999999",
    "infinity",
    "-infinity"
  ],
  timestamptz: [
    "2026-01-02 03:04:05.678901+00",
    "1850-01-01 00:00:00.5+00",
    "294276-12-31 23:59:59.999999+00",
    "infinity",
    "-infinity"
  ],
  timetz: ["12:34:56.7+02", "00:00:00+15:59", "24:00:00-15:59"],
  tsmultirange: ['{["2026-01-01 00:00:00","2026-02-01 00:00:00")}'],
  tsquery: ["'a' & 'b'", ""],
  tsrange: ['["2026-01-01 00:00:00",infinity)'],
  tstzmultirange: ['{["2026-01-01 00:00:00+00","2026-02-01 00:00:00+00")}'],
  tstzrange: ['["2026-01-01 00:00:00+00",)'],
  tsvector: ["'a':1 'b':2A", ""],
  txid_snapshot: ["10:20:10,14,15"],
  uuid: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  varbit: ["1010", ""],
  varchar: ["a", ""],
  xid: ["0", "4294967295"],
  xid8: ["0", "18446744073709551615"],
  xml: ["<a>1</a>", ""]
}

/** Types without input, and those that this version or build of PostgreSQL may lack. */
const NULL_ONLY = /^(pg_(node_tree|ndistinct|dependencies|mcv_list|brin_.*|ddl_command)|gtsvector)$/

/** The text of the values that JavaScript has a type for; others are tested against the driver's binary decoder. */
const textOf = (value: unknown): string | undefined => {
  if (typeof value === "boolean") return value ? "t" : "f"
  if (typeof value === "string") return value
  return undefined
}

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

const rowOf = (sql: PgClient, text: string) =>
  Effect.map(sql.unsafe<Record<string, unknown>>(text), ([row]) => row ?? {})

layer(TestPostgres.layer, { excludeTestServices: true })("a column", (it) => {
  it.effect("of every built-in type has the value that psql shows, alone, in arrays, null and empty", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      yield* sql`set timezone = 'UTC'`
      const [{ version } = { version: 0 }] = yield* sql<{ version: number }>`
        select current_setting('server_version_num')::int as version`
      const samplesOf = (name: string) =>
        // Intervals are finite before PostgreSQL 17.
        name === "interval" && version >= 170_000 ? [...VALUES[name]!, "infinity", "-infinity"] : VALUES[name]
      const types = yield* sql.unsafe<{ name: string; type: string; array: string | null }>(
        `select typname as name, oid::regtype::text as type, nullif(typarray, 0)::regtype::text as array
         from pg_type where typtype in ('b', 'r', 'm') and oid < 10000 and typcategory <> 'A'`
      )
      assert.isAbove(types.length, 70)
      for (const { array, name, type } of types) {
        const samples = samplesOf(name) ?? (NULL_ONLY.test(name) ? [] : undefined)
        assert.isDefined(samples, `values of ${name}`)
        assert.deepStrictEqual(yield* rowOf(sql, `select null::${type} as v`), { v: null })
        for (const sample of samples!) {
          const v = `${quote(sample)}::${type === "bit" ? "bit(1)" : type}`
          const text = `select ${v} as v, format('%s', ${v}) as t, array[${v}, null] as a, ('{}')::${array} as e,
            array[array[${v}], array[${v}]] as n, ('[0:1]={NULL${name === "box" ? ";" : ","}NULL}')::${array} as l`
          const first = yield* rowOf(sql, text)
          const { v: value, t } = first
          // The second time it comes in the binary format where that is read.
          for (const row of [first, yield* rowOf(sql, text), yield* rowOf(sql, text)]) {
            const expected = { v: value, t, a: [value, null], e: [], n: [[value], [value]], l: [null, null] }
            assert.deepStrictEqual(row, expected, `${name}: ${sample}`)
          }
          if (typeof value === "number" && name !== "interval" && !name.startsWith("timestamp")) {
            assert.deepStrictEqual(name === "float4" ? Math.fround(Number(t)) : Number(t), value, name)
          } else if (typeof value === "bigint" && name !== "time") assert.strictEqual(String(value), t)
          else if (name === "timestamptz" && value instanceof Date) {
            assert.strictEqual(
              value.getTime(),
              Date.parse(
                String(t)
                  .replace(/(\.\d{3})\d*/, "$1")
                  .replace("+00", "Z")
              )
            )
          } else if (name === "json" || name === "jsonb") assert.deepStrictEqual(value, JSON.parse(String(t)))
          else assert.strictEqual(textOf(value) ?? t, t, name)
        }
      }
    })
  )

  it.effect("of a type of number, date or bytes has the value that the driver reads in the binary format", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      const row = yield* rowOf(
        sql,
        `select 'infinity'::timestamptz as a, '-infinity'::timestamp as b, '2026-01-02 03:04:05.678'::timestamp as c,
           '1 year 2 days 00:00:03.5'::interval as d, '\\x00ff'::bytea as e, '00:00:01.5'::time as f, 0::float8 as g`
      )
      assert.deepStrictEqual(row, {
        a: Infinity,
        b: -Infinity,
        c: new Date("2026-01-02T03:04:05.678Z"),
        d: { months: 12, days: 2, microseconds: 3_500_000n },
        e: new Uint8Array([0, 255]),
        f: 1_500_000n,
        g: 0
      })
      yield* sql`set bytea_output = escape`
      const escaped = yield* rowOf(sql, `select '\\x00415cff'::bytea as escaped`)
      assert.deepStrictEqual(escaped, { escaped: new Uint8Array([0, 0x41, 0x5c, 0xff]) })
      yield* sql`set datestyle = 'German'`
      const german = yield* rowOf(sql, "select date '2026-01-02' as d, timestamp '2026-01-02 00:00' as t")
      assert.deepStrictEqual(german, { d: "2026-01-02", t: new Date("2026-01-02T00:00:00Z") })
    })
  )

  it.effect("of a user-defined type has the text of psql, and arrays of its elements after one look-up per pool", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      for (const statement of [
        "create type mood as enum ('sad', 'o\"k')",
        "create type pair as (a int, b text)",
        "create type span as range (subtype = float8)",
        "create domain positive as int check (value > 0)",
        "create domain small as positive",
        "create domain ids as int[]"
      ]) {
        yield* postgres.admin(statement)
      }
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 2 } })
      const text = `select 'sad'::mood as mood, array['sad', 'o"k', null]::mood[] as moods, '(1,"x y")'::pair as pair,
        array['(1,"x,y")', '(,)']::pair[] as pairs, '[0.5,2)'::span as span, array['[1,2)', 'empty']::span[] as spans,
        '{[1,2),[3,4)}'::span_multirange as multi, 5::small as small, array[[1, 2], [3, null]]::small[] as smalls,
        '{1,2}'::ids as ids, array['{1,2}', '{}']::ids[] as idss, row(1, 'x') as record,
        array(select 'pg_class'::regclass) as classes, array['a', 'b']::information_schema.sql_identifier[] as names`
      const expected = {
        mood: "sad",
        moods: ["sad", 'o"k', null],
        pair: '(1,"x y")',
        pairs: ['(1,"x,y")', "(,)"],
        span: "[0.5,2)",
        spans: ["[1,2)", "empty"],
        multi: "{[1,2),[3,4)}",
        small: 5,
        smalls: [
          [1, 2],
          [3, null]
        ],
        ids: [1, 2],
        idss: [[1, 2], []],
        record: "(1,x)",
        classes: ["pg_class"],
        names: ["a", "b"]
      }
      const both = yield* Effect.all([rowOf(sql, text), rowOf(sql, text)], { concurrency: 2 })
      assert.deepStrictEqual(both, [expected, expected])
      assert.deepStrictEqual(yield* sql.withTransaction(rowOf(sql, text)), expected)
      assert.deepStrictEqual(yield* rowOf(sql, text), expected)
      const values = yield* pool.use((session) => session.executeValues(text, []))
      assert.deepStrictEqual(values, [Object.values(expected)])
      const unprepared = yield* sql.unsafe(`${text} where true`).unprepared
      assert.deepStrictEqual(unprepared, [expected])
      yield* sql`create table feelings (id int, mood mood[])`
      const inserted = yield* sql`insert into feelings values (${1}, ${["sad"]}) returning *`
      assert.deepStrictEqual(inserted, [{ id: 1, mood: ["sad"] }])
    })
  )

  it.effect("of any table and view of the system catalogues can be read", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      const relations = yield* sql<{ name: string }>`select format('%I.%I', n.nspname, c.relname) as name
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v')`
      assert.isAbove(relations.length, 150)
      for (const { name } of relations) {
        yield* sql.unsafe(`select * from ${name} limit 20`)
        yield* sql.unsafe(`select * from ${name} limit 20`)
      }
      assert.isAbove((yield* sql`select * from pg_stat_activity`).length, 0)
    })
  )

  it.effect("whose type changes under a statement is read in its new format", () =>
    Effect.gen(function* () {
      const { sql } = yield* client
      yield* sql`create table changing (v int)`
      yield* sql`insert into changing values (1)`
      const read = sql`select v from changing`.unprepared
      assert.deepStrictEqual([yield* read, yield* read], [[{ v: 1 }], [{ v: 1 }]])
      yield* sql`alter table changing alter v type int4range using int4range(v, 5)`
      const error = yield* Effect.flip(read)
      assert.include(error.message, 'The statement was executed, but column "v" (type OID 3904) cannot be decoded')
      assert.include(error.message, 'Select "v"::text instead')
      assert.strictEqual(SessionError.fromSqlError(error)?.code, "RESULT_NOT_DECODED")
      assert.isFalse(error.isRetryable)
      assert.deepStrictEqual(yield* read, [{ v: "[1,5)" }])
    })
  )

  it.effect("is read by the codec of its type that the application gives", () =>
    Effect.gen(function* () {
      const registry = PgTypes.makeRegistry()
      registry.register(PgTypes.OID.int8, {
        decode: (bytes) => Result.succeed(Number(Buffer.from(bytes).readBigInt64BE())),
        encode: () => Result.succeed(new Uint8Array(8))
      })
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } }, { types: registry })
      for (let run = 0; run < 3; run++) assert.deepStrictEqual(yield* sql`select 5::int8 as n`, [{ n: 5 }])
    })
  )
})
