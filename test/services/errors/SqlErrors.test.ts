import { assert, describe, it } from "@effect/vitest"
import {
  AuthenticationError,
  ConnectionError,
  SqlError,
  StatementTimeoutError,
  UniqueViolation,
  UnknownError
} from "effect/sql/SqlError"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { enrichStatementError, toSqlError } from "../../../src/services/errors/SqlErrors.ts"
import { fatal } from "./catalogue/Answers.ts"
import { serverAnswers } from "./catalogue/ServerAnswers.ts"

const at = { host: "pooler.example.com", port: 5432, elapsedMillis: 12 }

const serverError = (code: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { severity: "ERROR", code, ...more })

const unknownQuery = (cause: unknown): SqlError =>
  new SqlError({ reason: new UnknownError({ cause, message: "PgConnection: Query failed", operation: "query" }) })

describe("SqlErrors", () => {
  it("gives every class of failure the reason that an Effect program expects", () => {
    const connect = (failure: unknown) =>
      toSqlError(SessionError.connectFailed({ ...at, phase: "session", failure })).reason._tag
    assert.strictEqual(connect({ errno: "ECONNREFUSED" }), "ConnectionError")
    assert.strictEqual(connect(fatal("sorry, too many clients already", "53300")), "ConnectionError")
    assert.strictEqual(connect(fatal("terminating connection", "57P01")), "ConnectionError")
    assert.strictEqual(connect(fatal("password authentication failed", "28P01")), "AuthenticationError")
    assert.strictEqual(connect(fatal("Tenant or user not found")), "UnknownError")
    assert.strictEqual(toSqlError(SessionError.outcomeUnknown(at)).reason._tag, "UnknownError")
    assert.strictEqual(
      toSqlError(SessionError.acquireTimeout({ waitedMillis: 1, poolName: "p", state: "", holders: [] })).reason._tag,
      "ConnectionError"
    )
    assert.strictEqual(
      toSqlError(SessionError.statementTimeout({ ...at, limitMillis: 1 })).reason._tag,
      "StatementTimeoutError"
    )
    assert.strictEqual(toSqlError(SessionError.configurationInvalid([])).reason._tag, "UnknownError")
    assert.strictEqual(toSqlError(SessionError.poolClosed({ draining: true })).reason._tag, "UnknownError")
  })

  it("agrees with the SessionError about a retry, for every known error", () => {
    for (const [facts] of serverAnswers) {
      for (const session of [
        SessionError.statementFailed(facts),
        SessionError.connectFailed({ ...at, phase: "session", failure: facts }),
        SessionError.sessionLost({ ...at, statementInFlight: false, failure: facts })
      ]) {
        assert.strictEqual(toSqlError(session).isRetryable, session.isRetryable, session.message)
      }
    }
  })

  it("returns the SessionError unchanged", () => {
    const session = SessionError.poolClosed({ draining: false })
    const sql = toSqlError(session, "acquire")
    assert.strictEqual(SessionError.fromSqlError(sql), session)
    assert.strictEqual(sql.reason.operation, "acquire")
    assert.strictEqual(sql.message, session.message)
  })

  it("makes a SessionError from the driver's error", () => {
    const of = (reason: SqlError["reason"]) => SessionError.fromSqlError(new SqlError({ reason }), at)
    const closed = of(new ConnectionError({ cause: new Error("Connection closed"), operation: "query" }))
    assert.deepInclude({ ...closed?.reason }, { _tag: "SessionLost", code: "CONNECTION_CLOSED", host: at.host })
    const refused = of(
      new UnknownError({
        cause: serverError("53300", "sorry, too many clients already", { severity: "FATAL" }),
        operation: "connect"
      })
    )
    assert.deepInclude({ ...refused?.reason }, { _tag: "ConnectFailed", code: "53300", phase: "authentication" })
    const scram = of(
      new AuthenticationError({ cause: new Error("SCRAM server signature mismatch"), operation: "connect" })
    )
    assert.deepInclude({ ...scram?.reason }, { _tag: "ConnectFailed", code: "SCRAM_FAILED", phase: "authentication" })
    const name = Object.assign(new Error("getaddrinfo ENOTFOUND x"), { code: "ENOTFOUND", syscall: "getaddrinfo" })
    const dns = of(new ConnectionError({ cause: name, operation: "connect" }))
    assert.deepInclude({ ...dns?.reason }, { _tag: "ConnectFailed", code: "DNS_NOT_FOUND", phase: "dns" })
    const statement = of(new UnknownError({ cause: serverError("22012", "division by zero"), operation: "query" }))
    assert.strictEqual(statement?.reason._tag, "StatementFailed")
    const other = of(new UnknownError({ cause: new Error("Something else"), operation: "query" }))
    assert.deepInclude({ ...other?.reason }, { _tag: "StatementFailed", code: "UNKNOWN", isRetryable: false })
    const codec = new PgTypes.CodecError({ message: "Only 1-dimensional arrays are supported" })
    const decoded = of(new UnknownError({ cause: codec, operation: "query" }))
    assert.strictEqual(decoded?.code, "RESULT_NOT_DECODED")
    assert.strictEqual(decoded?.message, `The statement was executed, but ${codec.message}`)
  })

  it("makes no SessionError of what is no error of a session, and never throws", () => {
    const session = SessionError.poolClosed({ draining: false })
    assert.strictEqual(SessionError.fromSqlError(session), session)
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const throwing = Object.defineProperty({}, "reason", {
      get: () => {
        throw new Error("no")
      }
    })
    for (const value of [undefined, null, 1, "text", {}, new Error("x"), { reason: null }, throwing, revoked.proxy]) {
      assert.isUndefined(SessionError.fromSqlError(value))
    }
  })

  it("keeps a unique violation with its constraint, and adds the server's text and SQLSTATE", () => {
    const cause = serverError("23505", "duplicate key value", {
      constraint: "t_pkey",
      detail: "Key (id)=(7) already exists."
    })
    const reason = new UniqueViolation({
      cause,
      message: "PgConnection: Query failed",
      constraint: "t_pkey",
      operation: "query"
    })
    const enriched = enrichStatementError(new SqlError({ reason }))
    assert.strictEqual(enriched.reason._tag === "UniqueViolation" ? enriched.reason.constraint : undefined, "t_pkey")
    assert.strictEqual(enriched.reason.operation, "query")
    assert.include(enriched.message, "duplicate key value")
    assert.include(enriched.message, "23505")
    const found = enriched.reason.cause as SessionError
    assert.strictEqual(found.code, "23505")
    assert.strictEqual(found.constraint, "t_pkey")
    assert.strictEqual(found.reason._tag === "StatementFailed" ? found.reason.cause : undefined, cause)
  })

  it("corrects the driver's isRetryable", () => {
    const crowded = enrichStatementError(unknownQuery(serverError("53300", "too many connections")))
    assert.deepStrictEqual([crowded.reason._tag, crowded.isRetryable], ["ConnectionError", true])
    const stale = enrichStatementError(unknownQuery(serverError("0A000", "cached plan must not change result type")))
    assert.deepStrictEqual([stale.reason._tag, stale.isRetryable], ["SerializationError", true])
    const timeout = (text: string) =>
      enrichStatementError(
        new SqlError({ reason: new StatementTimeoutError({ cause: serverError("57014", text), operation: "query" }) })
      )
    const late = timeout("canceling statement due to statement timeout")
    assert.deepStrictEqual([late.reason._tag, late.isRetryable], ["StatementTimeoutError", true])
    const cancelled = timeout("canceling statement due to user request")
    assert.deepStrictEqual([cancelled.reason._tag, cancelled.isRetryable], ["UnknownError", false])
    const locked = timeout("canceling statement due to lock timeout")
    assert.strictEqual(locked.reason._tag, "LockTimeoutError")
  })

  it("treats a FATAL answer to a statement as a lost session", () => {
    const cause = serverError("57P01", "terminating connection due to administrator command", { severity: "FATAL" })
    const enriched = enrichStatementError(unknownQuery(cause), at)
    assert.isTrue(enriched.isRetryable)
    const found = enriched.reason.cause as SessionError
    assert.deepInclude({ ...found.reason }, { _tag: "SessionLost", code: "57P01", host: at.host })
    assert.include(found.message, "pooler.example.com:5432")
  })

  it("does not change an error that it enriched before or that no server sent", () => {
    const enriched = enrichStatementError(unknownQuery(serverError("22012", "division by zero")))
    assert.strictEqual(enrichStatementError(enriched), enriched)
    const local = unknownQuery(new Error("Failed to encode query"))
    assert.strictEqual(enrichStatementError(local), local)
  })
})
