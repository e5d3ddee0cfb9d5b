import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import * as Result from "effect/Result"
import { fromInput, fromRecord } from "../../../../src/services/config/SessionConfig.ts"
import { codes, passwordOf, POOLER, problemsOf, read, REF, SESSION_URL } from "./Samples.ts"

const SECRET = "l0ngSecret"
const USER = `postgres.${REF}`
const pooled = (password: string, after = ":5432/postgres") => `postgresql://${USER}:${password}@${POOLER}${after}`

/** Refused with this code alone, with a remedy, and without any part of the password, by string, variable and code. */
const assertRefused = (texts: ReadonlyArray<string>, code: string): void => {
  for (const text of texts) {
    const problems = problemsOf(text)
    assert.deepStrictEqual(codes(problems), [code], text)
    const errors = [fromRecord({ SUPABASE_SESSION_POOLER: text }), fromInput({ url: text })].map(Result.flip)
    const shown = `${JSON.stringify(problems)}${inspect(errors.map(Result.getOrThrow), { depth: Infinity })}`
    for (let at = 0; at + 4 <= SECRET.length; at++) assert.notInclude(shown, SECRET.slice(at, at + 4), text)
    assert.isTrue(problems.every(({ remedy }) => remedy.length > 10))
  }
}

describe("ConnectionString.parse, with leftovers", () => {
  it("refuses a text that ends within or after the credentials", () =>
    assertRefused(
      [
        `postgresql://${USER}:20245`,
        `postgresql://${USER}:7`,
        `postgresql://${USER}:`,
        `postgresql://${USER}`,
        `postgresql://${USER}:${SECRET}`,
        `postgres://postgres:${SECRET}`,
        `postgres://app_user:90210`,
        `postgresql://${USER}:${SECRET}@`,
        `postgresql://${USER}:${SECRET}@/postgres`,
        `postgres://app:${SECRET}@`
      ],
      "truncated"
    ))

  it("reads a host alone, and a user without a host", () => {
    const fine = [
      "postgres://localhost",
      "postgres://localhost:15432",
      "postgres://db",
      "postgres://db:5432",
      "postgres://db:15432/shop",
      "postgres://127.0.0.1:15432",
      "postgres://db.example.com:15432",
      "postgres://app@/shop",
      `postgres://app:${SECRET}@/shop?host=/var/run/postgresql`
    ]
    for (const text of fine) assert.deepStrictEqual(problemsOf(text), [], text)
  })

  it("refuses characters after the end", () =>
    assertRefused(
      [
        ...[";", ",", ")", ".", "\\n", "\\r\\n", ");", "}", "]", ">", "..."].map((tail) => `${SESSION_URL}${tail}`),
        pooled(SECRET, ":5432/;"),
        `postgres://app:${SECRET}@db:5433/shop.`
      ],
      "trailing-characters"
    ))

  it("names the tail of a parameter too", () => {
    for (const tail of [";", ",", ")", "\\n"]) {
      assert.include(codes(problemsOf(`${SESSION_URL}?sslmode=require${tail}`)), "trailing-characters", tail)
    }
    assert.strictEqual(read(`${SESSION_URL}?application_name=Acme, Inc.`).applicationName, "Acme, Inc.")
    assert.strictEqual(read(`${SESSION_URL}%3B`).database, "postgres;")
    assert.strictEqual(read("postgres://app@db.example.com.").host, "db.example.com.")
  })

  it("refuses a second path segment, misplaced parameters and text after the end", () => {
    assertRefused(
      ["/public", "/", "/auth?sslmode=require", "/public/users"].map((tail) => `${SESSION_URL}${tail}`),
      "path-after-database"
    )
    assertRefused(
      [
        "&sslmode=require",
        "&connect_timeout=10",
        ";sslmode=require",
        "&pgbouncer=true&connection_limit=1",
        "?pgbouncer=true?sslmode=verify-full",
        "?application_name=a?connect_timeout=10"
      ].map((tail) => `${SESSION_URL}${tail}`),
      "misplaced-parameter"
    )
    assertRefused(
      [" # session pooler", "#production", " -c select", " | psql", " (session)"].map(
        (tail) => `${SESSION_URL}${tail}`
      ),
      "trailing-comment"
    )
  })

  it("refuses a password that a template encloses", () => {
    assertRefused(
      [`[${SECRET}]`, `<${SECRET}>`, `{${SECRET}}`, `(${SECRET})`, `"${SECRET}"`, `'${SECRET}'`, `[${SECRET}#1]`].map(
        (password) => pooled(password)
      ),
      "enclosed-password"
    )
    assert.strictEqual(passwordOf(read(pooled(encodeURIComponent(`[${SECRET}]`)))), `[${SECRET}]`)
    assert.strictEqual(passwordOf(read(pooled(`[${SECRET}]x`))), `[${SECRET}]x`)
    const parts = { host: POOLER, username: USER, password: `<${SECRET}>` }
    assert.isTrue(Result.isSuccess(fromInput(parts)), "a password given in code is taken as it is")
  })

  it("refuses the name of a variable in place of its value", () => {
    const names = [
      "$DB_PASSWORD",
      "${DB_PASSWORD}",
      "%DB_PASSWORD%",
      "$env:DB_PW",
      "{{ pw }}",
      "$(pass db)",
      "${PW:-x}"
    ]
    assertRefused(
      names.map((name) => pooled(name)),
      "unexpanded-variable"
    )
    assertRefused(
      [
        "${DATABASE_URL}",
        "$DATABASE_URL",
        "%DATABASE_URL%",
        "process.env.DATABASE_URL",
        `postgres://app:${SECRET}@$DB_HOST:5432/shop`,
        `postgres://app:${SECRET}@\${DB_HOST}:5432/shop`,
        `postgres://$DB_USER:${SECRET}@db:5432/shop`,
        `postgres://\${DB_USER}:${SECRET}@db:5432/shop`,
        `postgres://app:${SECRET}@db:5432/$DB_NAME`,
        `postgres://app:${SECRET}@db:5432/\${DB_NAME}`
      ],
      "unexpanded-variable"
    )
    for (const password of ["$ecret123", "pa$$word", "100%sure", "$", "a${b}c"]) {
      assert.strictEqual(passwordOf(read(pooled(password))), password)
    }
    assert.strictEqual(passwordOf(read(pooled("%24DB_PASSWORD"))), "$DB_PASSWORD")
  })

  it("refuses ROLE.REF at the database's own host", () =>
    assertRefused(
      [
        `postgresql://${USER}:${SECRET}@db.${REF}.supabase.co:5432/postgres`,
        `postgresql://${USER}:${SECRET}@db.${REF}.supabase.co:6543/postgres`,
        `postgresql://${USER}:${SECRET}@db.${REF}.supabase.co`,
        `postgresql://app.${REF}:${SECRET}@DB.${REF}.supabase.co./postgres`
      ],
      "reference-at-direct-host"
    ))

  it("refuses a host that is nearly one of Supabase's", () => {
    assertRefused(
      [
        "aws-1-eu-west-1.pooler.supabase.co",
        "pooler.supabase.co",
        "pooler.supabase.com",
        "aws-1-eu-west-1.pooler.supabase",
        "aws-1-eu-west-1.pooler",
        "aws-1-eu-",
        "aws-1-eu-west-1.supabase.com",
        `db.${REF}.supabase.com`,
        `db.${REF}.supabase`,
        "supabase.co"
      ].map((host) => `postgresql://${USER}:${SECRET}@${host}:5432/postgres`),
      "misspelt-host"
    )
    for (const host of ["pooler", "supabase-pooler", "db.internal", "supabase.example.com", "aws-db.example.com"]) {
      assert.deepStrictEqual(problemsOf(`postgresql://${USER}:${SECRET}@${host}:5432/postgres`), [], host)
    }
  })
})
