import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { isSessionError, SessionError } from "../../../src/services/errors/SessionError.ts"
import { fatal } from "./catalogue/Answers.ts"
import { at, everyReason } from "./catalogue/EveryReason.ts"
import { system } from "./catalogue/MachineFailures.ts"

const refusal = fatal(
  "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15"
)

const exitCodeOf = (failure: SessionError): number => {
  let code = -1
  Runtime.defaultTeardown(Exit.fail(failure), (given) => {
    code = given
  })
  return code
}

describe("SessionError", () => {
  it("names the failure, the endpoint, the phase and the elapsed time", () => {
    const failed = SessionError.connectFailed({ ...at, phase: "authentication", failure: refusal })
    for (const part of ["pooler.example.com:5432", "authentication", "1.2 s", "pool_size: 15", "SQLSTATE XX000"]) {
      assert.include(failed.message, part)
    }
    assert.strictEqual(failed.code, "EMAXCONNSESSION")
    assert.strictEqual(failed.class, "capacity")
    assert.isTrue(failed.isRetryable)
    assert.deepStrictEqual(failed.retryAfter, Duration.millis(500))
    assert.include(failed.remedy, "DB_POOL_MAX")
    assert.strictEqual(failed.reason._tag === "ConnectFailed" ? failed.reason.ceiling : undefined, 15)
  })

  it("shows the operating system's message when the server sent none", () => {
    const failed = SessionError.connectFailed({
      ...at,
      phase: "tcp",
      failure: system("ECONNREFUSED", "connect ECONNREFUSED 192.0.2.7:5432", "connect")
    })
    assert.include(failed.message, "connect ECONNREFUSED 192.0.2.7:5432")
    assert.deepInclude({ ...failed.reason }, { code: "ECONNREFUSED", class: "network" })
    assert.strictEqual(failed.cause, failed.reason)
  })

  it("brackets an IPv6 host, and does without an unknown one", () => {
    const lost = (host: string) =>
      SessionError.sessionLost({ ...at, host, statementInFlight: false, failure: undefined })
    assert.include(lost("2001:db8::1").message, "[2001:db8::1]:5432")
    assert.include(lost("").message, "the database")
  })

  it("has every property for every reason", () => {
    for (const failure of everyReason(refusal)) {
      assert.isTrue(isSessionError(failure))
      for (const text of [failure.message, failure.code, failure.class, failure.remedy]) assert.isAbove(text.length, 3)
      assert.isBoolean(failure.isRetryable)
    }
  })

  it("never makes a lost COMMIT retryable", () => {
    assert.isFalse(SessionError.outcomeUnknown(at).isRetryable)
    assert.isFalse(
      SessionError.sessionLost({ ...at, phase: "commit", statementInFlight: true, failure: "Connection closed" })
        .isRetryable
    )
    assert.isFalse(SessionError.statementTimeout({ ...at, phase: "commit", limitMillis: 1_000 }).isRetryable)
    assert.isTrue(SessionError.statementTimeout({ ...at, phase: "begin", limitMillis: 1_000 }).isRetryable)
  })

  it("treats a lost session as authenticated", () => {
    const lost = SessionError.sessionLost({
      ...at,
      statementInFlight: false,
      failure: fatal("password authentication failed", "28P01")
    })
    assert.strictEqual(lost.code, "28P01_UPSTREAM")
  })

  it("treats a closed socket as CONNECTION_CLOSED, and an unknown end as retryable, too", () => {
    const lost = (failure: unknown) => SessionError.sessionLost({ ...at, statementInFlight: false, failure })
    assert.deepInclude({ ...lost(undefined).reason }, { code: "CONNECTION_CLOSED", isRetryable: true })
    assert.deepInclude({ ...lost(new Error("strange")).reason }, { code: "SESSION_UNKNOWN", isRetryable: true })
    const conflict = lost(fatal("terminating connection due to conflict with recovery", "40001"))
    assert.deepInclude({ ...conflict.reason }, { code: "40001", class: "pooler", isRetryable: true })
  })

  it("takes the server's fields under any of their usual names", () => {
    const text = "terminating connection due to administrator command"
    for (const failure of [
      { severity: "FATAL", sqlState: "57P01", message: text },
      { severity: "FATAL", sqlState: "57P01", serverMessage: text },
      { severity: "FATAL", code: "57P01", message: text },
      { S: "FATAL", C: "57P01", M: text }
    ]) {
      const lost = SessionError.sessionLost({ ...at, statementInFlight: false, failure })
      assert.deepInclude({ ...lost.reason }, { code: "57P01", sqlState: "57P01", serverMessage: text })
    }
  })

  it("reports a COMMIT without reply when nothing else is known", () => {
    assert.strictEqual(SessionError.outcomeUnknown(at).code, "NO_REPLY")
  })

  it("says that the outcome of a lone write is unknown, what to check, and how to mark it as idempotent", () => {
    const lost = SessionError.sessionLost({ ...at, statementInFlight: true, failure: new Error("Connection closed") })
    const error = SessionError.outcomeUnknown({ ...at, phase: "query", failure: lost })
    assert.isFalse(error.isRetryable)
    assert.match(
      error.message,
      /whether it took effect is unknown.*Before you repeat it, check.*Transactions\.idempotent/
    )
    assert.match(error.remedy, /^Check in the database whether the statement took effect.*Transactions\.idempotent/)
    assert.include(lost.message, "in flight")
  })

  it("keeps the code and the server's message of what ended the session, and says them once", () => {
    const cases = [
      SessionError.sessionLost({
        ...at,
        statementInFlight: true,
        failure: fatal("terminating connection due to administrator command", "57P01")
      }),
      SessionError.sessionLost({ ...at, statementInFlight: true, failure: undefined }),
      SessionError.statementTimeout({ ...at, limitMillis: 1_000 }),
      SessionError.poolClosed({ draining: true })
    ]
    for (const failure of cases) {
      for (const phase of ["query", "commit"] as const) {
        const error = SessionError.outcomeUnknown({ ...at, phase, failure })
        assert.strictEqual(error.code, failure.code)
        assert.strictEqual(error.message.split("took effect is unknown").length, 2)
        assert.isAtMost(error.message.split(/administrator command|Lost the session|No answer from/).length, 2)
      }
    }
  })

  it("names the first five holders of sessions, and why the pool did not grow", () => {
    const timeout = SessionError.acquireTimeout({
      waitedMillis: 30_000,
      poolName: "agent",
      state: "open=5/5 used=5 idle=0",
      holders: ["job 1", "job 2", "job 3", "job 4", "job 5", "job 6", "job 7"],
      lastFailure: "password rejected",
      lastFailureCode: "28P01"
    })
    for (const part of ["agent", "30 s", "used=5", "job 1", "job 5", "and 2 more", "password rejected"]) {
      assert.include(timeout.message, part)
    }
    assert.notInclude(timeout.message, "job 6")
    assert.isFalse(timeout.isRetryable)
    assert.include(timeout.remedy, "password")
  })

  it("makes an acquire timeout retryable when logins did not keep the pool small", () => {
    const timeout = (lastFailureCode?: string) =>
      SessionError.acquireTimeout({ waitedMillis: 1, poolName: "p", state: "", holders: [], lastFailureCode })
    assert.isTrue(timeout().isRetryable)
    assert.isTrue(timeout("EMAXCONNSESSION").isRetryable)
    assert.isTrue(timeout("NO_SUCH_CODE").isRetryable)
  })

  it("shows the server's SQLSTATE as the code of a failed statement", () => {
    const failed = SessionError.statementFailed({
      severity: "ERROR",
      code: "23505",
      message: "duplicate key value violates unique constraint",
      detail: "Key (id)=(7) already exists.",
      hint: "use another key",
      constraint: "t_pkey"
    })
    assert.strictEqual(failed.code, "23505")
    assert.strictEqual(failed.reason.code, "23xxx")
    assert.deepStrictEqual(
      [failed.severity, failed.detail, failed.hint, failed.constraint],
      ["ERROR", "Key (id)=(7) already exists.", "use another key", "t_pkey"]
    )
    assert.strictEqual(failed.class, "statement")
    assert.include(failed.message, "SQLSTATE 23505")
  })

  it("lists every wrong setting, each on a line of its own", () => {
    const invalid = SessionError.configurationInvalid([
      {
        name: "SUPABASE_SESSION_POOLER",
        received: undefined,
        expected: "a connection string",
        remedy: "Dashboard, Connect, Session pooler",
        example: "postgres://postgres.<ref>:<password>@aws-N-<region>.pooler.supabase.com:5432/postgres"
      },
      { name: "DB_POOL_MIN", received: "two", expected: "an integer 0-100" },
      { name: "DB_POOL_MAX", received: "3", expected: "must be at least DB_POOL_MIN (5)" }
    ])
    assert.strictEqual(
      invalid.message,
      [
        "Invalid configuration (3 problems)",
        "  ✗ SUPABASE_SESSION_POOLER  missing, expected a connection string. Dashboard, Connect, Session pooler. " +
          "Looks like postgres://postgres.<ref>:<password>@aws-N-<region>.pooler.supabase.com:5432/postgres",
        '  ✗ DB_POOL_MIN = "two"      expected an integer 0-100',
        '  ✗ DB_POOL_MAX = "3"        must be at least DB_POOL_MIN (5)'
      ].join("\n")
    )
  })

  it("ends the program with 2 for invalid settings and with 1 for anything else", () => {
    for (const failure of everyReason(refusal)) {
      assert.strictEqual(exitCodeOf(failure), failure.reason._tag === "ConfigurationInvalid" ? 2 : 1)
    }
  })

  it.effect("can be yielded, caught by its tag and matched by its reason", () =>
    Effect.gen(function* () {
      const fail = Effect.gen(function* () {
        return yield* SessionError.poolClosed({ draining: true })
      })
      const caught = yield* fail.pipe(Effect.catchTag("SessionError", (failure) => Effect.succeed(failure.reason._tag)))
      assert.strictEqual(caught, "PoolClosed")
      const matched = yield* fail.pipe(
        Effect.catchReason("SessionError", "PoolClosed", (reason) => Effect.succeed(reason.draining))
      )
      assert.isTrue(matched)
    })
  )

  it("survives a round trip through JSON", () => {
    const codec = Schema.toCodecJson(SessionError)
    for (const failure of everyReason(refusal)) {
      const json: unknown = JSON.parse(JSON.stringify(Schema.encodeUnknownSync(codec)(failure)))
      const back = Schema.decodeUnknownSync(codec)(json)
      assert.strictEqual(back.message, failure.message)
      assert.strictEqual(back.isRetryable, failure.isRetryable)
    }
  })
})
