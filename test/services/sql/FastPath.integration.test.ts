/** Compared with Effect's own client on the same server: a statement must mean the same on either path. */
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as StockClient from "@effect/sql-pg/PgClient"
import fc from "fast-check"
import { pipelined } from "../../../src/services/sql/Pipelining.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"

type Client = StockClient.PgClient

const toCamel = (name: string): string => name.replaceAll(/_(\w)/g, (_match, letter: string) => letter.toUpperCase())
const toSnake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const naming = { transformResultNames: toCamel, transformQueryNames: toSnake }

/** Our client and Effect's own, on one server. */
const both = (options: typeof naming | Record<string, never> = {}) =>
  Effect.gen(function* () {
    const postgres = yield* TestPostgres
    const { pool, sql: ours } = yield* poolAt({ url: postgres.url, pool: { min: 1, max: 3, pipeline: 8 } }, options)
    const context = yield* Layer.build(StockClient.layer({ url: postgres.url, maxConnections: 2, ...options }))
    return { ours, pool, theirs: Context.get(context, StockClient.PgClient) }
  })

/** A value in a template, made for a client. */
type Part = (sql: Client) => unknown

const plain = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 20 }).map((text) => text.replaceAll("\0", "")),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.integer(), { minLength: 1, maxLength: 4 })
)

/** An expression, with its type where the server cannot infer it. */
const expression: fc.Arbitrary<Part> = fc.oneof(
  plain.map((value): Part => (sql) => {
    if (typeof value === "string" || value === null) return sql`${value}::text`
    return sql`${value}`
  }),
  fc.constant<Part>((sql) => sql`(select count(*) from both_names)`),
  fc.constant<Part>((sql) => sql`(select max(${sql("someNumber")}) from ${sql("both_names")})`),
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }).map(
    (numbers): Part =>
      (sql) =>
        sql`(select count(*) from both_names where ${sql.in("someNumber", numbers)})`
  ),
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }).map(
    (numbers): Part =>
      (sql) =>
        sql`(select count(*) from both_names where some_number in ${sql.in(numbers)} and ${sql.and([
          sql`some_number > ${numbers[0]}`,
          "some_number < 5"
        ])})`
  ),
  fc.string({ maxLength: 8 }).map(
    (text): Part =>
      (sql) =>
        sql`${sql.json({ text: text.replaceAll("\0", "") })}::jsonb`
  ),
  fc.constant<Part>((sql) => sql.literal("now() is not null")),
  // One less than the greatest int, because one is added on the server.
  fc.integer({ max: 2 ** 31 - 2 }).map(
    (n): Part =>
      (sql) =>
        sql`${sql.unsafe(`${n} + 1`)}`
  )
)

const template = (sql: Client, parts: ReadonlyArray<Part>): Statement.Statement<object> => {
  const texts = ["select 1 as first_one", ...parts.map((_part, index) => ` as made_${index}`)]
  const strings = texts.map((text, index) => (index < parts.length ? `${text}, ` : text))
  return sql(
    Object.assign(strings, { raw: strings }) as unknown as TemplateStringsArray,
    ...parts.map((part) => part(sql))
  )
}

const outcomes = (statement: Statement.Statement<object>) =>
  Effect.all([
    Effect.sync(() => statement.compile()),
    Effect.sync(() => statement.compile(true)),
    Effect.sync(() =>
      JSON.parse(JSON.stringify(statement, (_key, value) => (typeof value === "bigint" ? `${value}` : value)))
    ),
    statement,
    statement.withoutTransform,
    statement.values,
    statement.unprepared,
    statement.valuesUnprepared,
    Effect.map(statement.raw, (raw) => (raw as { readonly rows: unknown }).rows),
    Stream.runCollect(statement.stream)
  ])

layer(TestPostgres.layer, { excludeTestServices: true })("statements of the pooled client", (it) => {
  const prepared = (sql: Client) =>
    sql.unsafe("create table if not exists things (some_number int, some_text text)").pipe(
      Effect.andThen(sql.unsafe("truncate things")),
      // With transformed names and without them, a statement must find its column.
      Effect.andThen(sql.unsafe('create table if not exists both_names (some_number int, "someNumber" int)')),
      Effect.andThen(sql.unsafe("insert into things select n, 'text ' || n from generate_series(1, 7) n"))
    )

  for (const [name, options] of [
    ["with names as they are", {}],
    ["with names transformed", naming]
  ] as const) {
    it.effect(`mean what Effect's own mean, in every form, ${name}`, () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* both(options)
        yield* prepared(theirs)
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(fc.array(expression, { maxLength: 5 }), (parts) =>
              Effect.gen(function* () {
                const statement = template(ours, parts)
                const expected = yield* outcomes(template(theirs, parts))
                // The same value again, and at the same time.
                const [first, second] = yield* Effect.all([outcomes(statement), outcomes(statement)], {
                  concurrency: "unbounded"
                })
                assert.deepStrictEqual(first, expected)
                assert.deepStrictEqual(second, expected)
                assert.deepStrictEqual(
                  yield* outcomes(template(ours.withoutTransforms(), parts)),
                  yield* outcomes(template(theirs.withoutTransforms(), parts))
                )
              }).pipe(Effect.runPromise)
            ),
            { numRuns: 40 }
          )
        )
      })
    )
  }

  it.effect("write with the helpers as Effect's own do", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* both(naming)
      const written = (sql: Client) =>
        Effect.gen(function* () {
          yield* prepared(sql)
          const inserted = yield* sql`insert into things ${sql
            .insert([
              { someNumber: 8, someText: "eight" },
              { someNumber: 9, someText: null }
            ])
            .returning("*")}`
          const updated =
            yield* sql`update things set ${sql.update({ someNumber: 8, someText: "acht" }, ["someNumber"])}
            where some_number = ${8} returning *`
          const many = yield* sql`update things set some_text = data.some_text from ${sql.updateValues(
            [
              { someNumber: 1, someText: "one" },
              { someNumber: 2, someText: "two" }
            ],
            "data"
          )} where things.some_number = data.some_number::int returning things.*`
          const listed =
            yield* sql`select * from things where ${sql.or([sql.in("some_number", []), sql`some_text is null`])}
            order by ${sql.csv(["some_number", sql`some_text desc`])}`
          return { inserted, updated, many, listed }
        })
      assert.deepStrictEqual(yield* written(ours), yield* written(theirs))
    })
  )

  it.effect("fail as Effect's own do", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* both()
      const failing = (sql: Client) => [
        sql`select 1 / ${0}::int`,
        sql`select * from nowhere`,
        sql.unsafe("select ($1"),
        sql`select ${new Map()}`,
        sql.unsafe("select $1::int", ["x"])
      ]
      for (const [index, statement] of failing(ours).entries()) {
        const expected = yield* Effect.flip(failing(theirs)[index]!)
        const error = yield* Effect.flip(statement)
        assert.strictEqual(error._tag, expected._tag, `${index}`)
        assert.strictEqual(error.isRetryable, expected.isRetryable, `${index}`)
      }
    })
  )

  it.effect("are values: run twice, yielded, piped, put into others, and found in transactions", () =>
    Effect.gen(function* () {
      const { ours: sql } = yield* both()
      const statement = sql<{
        readonly n: number
        readonly pid: number
      }>`select ${7}::int as n, pg_backend_pid() as pid`
      assert.isTrue(Effect.isEffect(statement))
      assert.isTrue(Statement.isFragment(statement))
      assert.strictEqual(yield* statement.pipe(Effect.map((rows) => rows[0]!.n)), 7)
      assert.deepStrictEqual(yield* sql`select n + ${1} as next from (${statement}) as inner_one where n > ${3}`, [
        { next: 8 }
      ])
      const unsafe = sql.unsafe<{ readonly n: number }>("select 4 as n", [])
      assert.deepStrictEqual(yield* sql`select n * ${2} as n from (${unsafe}) as inner_one`, [{ n: 8 }])
      const pids = yield* sql.withTransaction(
        Effect.gen(function* () {
          const outer = yield* statement
          const [one, two] = yield* Effect.all([statement, pipelined(statement)], { concurrency: "unbounded" })
          const nested = yield* sql.withTransaction(statement)
          return [outer, one, two, nested].map((rows) => rows[0]!.pid)
        })
      )
      assert.strictEqual(new Set(pids).size, 1)
      const safe = sql.safe as Client
      assert.deepStrictEqual(yield* safe`select ${safe.json({ a: 1 })}::jsonb as a`, [{ a: { a: 1 } }])
      assert.strictEqual(safe.withTransaction, sql.withTransaction)
    })
  )

  it.effect("have the spans of Effect's own, with their attributes, when they are traced", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* both()
      const spansOf = (sql: Client) =>
        Effect.gen(function* () {
          const spans: Array<Tracer.NativeSpan> = []
          const tracer = Tracer.make({
            span: (options) => {
              const span = new Tracer.NativeSpan(options)
              spans.push(span)
              return span
            }
          })
          yield* Effect.withTracer(
            Effect.all([
              sql`select ${1}::int as n`,
              sql`select ${2}::int as n`.values,
              Effect.exit(sql`select 1 / ${0}::int`),
              Effect.withSpan(sql.withTransaction(sql`select 3 as n`), "parent")
            ]),
            tracer
          )
          return spans.map((span) => ({
            name: span.name,
            kind: span.kind,
            ended: span.status._tag,
            failed: span.status._tag === "Ended" && span.status.exit._tag === "Failure",
            parent: span.parent._tag === "Some" && "name" in span.parent.value ? span.parent.value.name : undefined,
            text: span.attributes.get("db.query.text"),
            method: span.attributes.get("sql.method") ?? span.attributes.get("db.operation.name")
          }))
        })
      const dropControls = (spans: Effect.Success<ReturnType<typeof spansOf>>) =>
        spans.map(({ name, ...span }) => ({ ...span, name: name.replace(/^sql\.execute.*/, "sql.execute") }))
      assert.deepStrictEqual(dropControls(yield* spansOf(ours)), dropControls(yield* spansOf(theirs)))
    })
  )

  it.effect("use a transformer where there is one", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* both()
      const doubled = (sql: Client) =>
        Effect.provideService(sql`select ${1}::int as n`, Statement.CurrentTransformer, (statement, make) =>
          Effect.succeed(make`select n * 2 as n from (${statement}) as inner_one`)
        )
      assert.deepStrictEqual(yield* doubled(ours), [{ n: 2 }])
      assert.deepStrictEqual(yield* doubled(ours), yield* doubled(theirs))
    })
  )
})
