import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { SqlError } from "effect/sql/SqlError"
import { inspect } from "node:util"
import type { PgClient } from "@effect/sql-pg/PgClient"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"

const CANARY = "anncanary"

/** What is done to the database first. */
const SCHEMA = `
  create table person (email text primary key, age int not null check (age > 0), boss text references person);
  insert into person values ('${CANARY}', 40);
  create table booking (room text, period int4range, exclude using gist (period with &&));
  insert into booking values ('x', '[1,9)');
  create function refuse(secret text) returns void language plpgsql as $$
  begin
    raise exception 'refused' using detail = secret, hint = 'not ' || secret, errcode = 'ZZ001';
  end $$;
  create function run_text(secret text) returns void language plpgsql as $$
  begin
    execute format('select %L, no_such_column', secret);
  end $$`

type Field = "detail" | "hint" | "where" | "internalQuery"

/** Statements that fail, with the field in which the server quotes the value. */
const cases: ReadonlyArray<readonly [sqlState: string, statement: string, quotedIn: ReadonlyArray<Field>]> = [
  ["23505", `insert into person values ('${CANARY}', 1)`, ["detail"]],
  ["23514", `insert into person values ('${CANARY}2', -1)`, ["detail"]],
  ["23502", `insert into person values ('${CANARY}2', null)`, ["detail"]],
  ["23503", `insert into person values ('x', 1, '${CANARY}2')`, ["detail"]],
  ["23503", `delete from person where email in (select boss from person) or email = '${CANARY}'`, ["detail"]],
  ["ZZ001", `select refuse('${CANARY}')`, ["detail", "hint"]],
  ["42703", `select run_text('${CANARY}')`, ["internalQuery"]],
  ["22P02", `select '{"a": ${CANARY}}'::json`, ["where", "detail"]]
]

/** Everything that an application, a logger or an exporter may print of an error. */
const outputs = (error: SqlError) =>
  Effect.gen(function* () {
    const lines: Array<unknown> = []
    const keep = (logger: Logger.Logger<unknown, unknown>) => Logger.map(logger, (line) => void lines.push(line))
    yield* Effect.logError("failed", error, Cause.fail(error)).pipe(
      Effect.provide(
        Logger.layer([
          keep(Logger.formatJson),
          keep(Logger.formatLogFmt),
          keep(Logger.formatSimple),
          keep(Logger.formatStructured)
        ])
      )
    )
    const session = SessionError.fromSqlError(error)
    assert.isDefined(session)
    const driver = Reflect.get(session.reason, "cause")
    return [
      ...lines.map((line) => inspect(line, { depth: 20 })),
      ...[error, error.reason, session, session.reason, driver].flatMap((value: unknown) => [
        String(value),
        String(Reflect.get(Object(value), "stack")),
        JSON.stringify(value),
        inspect(value, { depth: 20 })
      ]),
      session.message,
      session.remedy,
      Cause.pretty(Cause.fail(error))
    ]
  })

const ways: ReadonlyArray<
  readonly [name: string, run: (sql: PgClient, text: string) => Effect.Effect<unknown, unknown>]
> = [
  ["alone", (sql, text) => sql.unsafe(text)],
  ["in a transaction", (sql, text) => sql.withTransaction(sql.unsafe(text))],
  ["in a nested transaction", (sql, text) => sql.withTransaction(sql.withTransaction(sql.unsafe(text)))],
  ["as a stream", (sql, text) => Stream.runDrain(sql.unsafe(text).stream)],
  ["on a reserved session", (sql, text) => Effect.scoped(Effect.flatMap(sql.reserve, (c) => c.executeRaw(text, [])))]
]

layer(TestPostgres.layer, { excludeTestServices: true })("a row that the server quotes in an error", (it) => {
  it.effect("is in the error's fields, and in no message, log line, JSON or span", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const { sql } = yield* poolAt({ url, pool: { min: 1, max: 1 } })
      for (const statement of SCHEMA.split(/;\n(?=  (?:create|insert))/)) yield* sql.unsafe(statement)
      yield* sql.unsafe(`insert into person values ('bob', 1, '${CANARY}')`)
      const spans: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          span.end = (at, exit) => {
            const failure = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
            spans.push(failure + inspect([...span.attributes].filter(([name]) => name !== "db.query.text")))
            end(at, exit)
          }
          return span
        }
      })
      for (const [sqlState, text, quotedIn] of cases) {
        for (const [name, run] of ways) {
          const failure = yield* Effect.flip(Effect.withTracer(run(sql, text), tracer))
          const error = failure as SqlError
          const session = SessionError.fromSqlError(error)
          assert.strictEqual(session?.code, sqlState, `${text} ${name}`)
          for (const field of quotedIn) assert.include(session?.[field], CANARY, `${field} of ${text} ${name}`)
          for (const output of yield* outputs(error)) assert.notInclude(output, CANARY, `${text} ${name}`)
        }
      }
      assert.isAbove(spans.length, cases.length)
      for (const span of spans) assert.notInclude(span, CANARY)
    }).pipe(Effect.scoped)
  )

  it.effect("is in the message only where PostgreSQL's own MESSAGE quotes one value", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const { sql } = yield* poolAt({ url, pool: { min: 1, max: 1 } })
      const error = yield* Effect.flip(sql.unsafe("select 'abc'::int"))
      assert.strictEqual(error.message, 'invalid input syntax for type integer: "abc" (SQLSTATE 22P02)')
    }).pipe(Effect.scoped)
  )
})
