/**
 * The long way to the pool, that of statements with a span of their own: where statements share sessions, so do these.
 *
 * Effect borrows a connection and runs one statement on it. Where sharing is wanted it gets a connection without a session
 * yet: a statement on it goes to the pool as it is, which finds a place for it.
 */
import * as Effect from "effect/Effect"
import type { Borrower, Connection } from "effect/sql/SqlConnection"
import * as Stream from "effect/Stream"
import { Pipelining } from "./Pipelining.ts"
import type { SessionPool } from "../pool/SessionPool.ts"

/** Only a plain `execute` can share a session; everything else gets one. */
const withoutSession = ({ borrow, reserve, run }: SessionPool["Service"]): Connection => ({
  execute: (sql, params, transform) =>
    Effect.withFiber((fiber) => run(fiber, sql, params, { transform, isShared: true })),
  executeRaw: (sql, params) => borrow((session) => session.executeRaw(sql, params)),
  executeValues: (sql, params) => borrow((session) => session.executeValues(sql, params)),
  executeValuesUnprepared: (sql, params) => borrow((session) => session.executeValuesUnprepared(sql, params)),
  executeUnprepared: (sql, params, transform) => borrow((session) => session.executeUnprepared(sql, params, transform)),
  executeStream: (sql, params, transform) =>
    Stream.unwrap(Effect.map(reserve, (session) => session.executeStream(sql, params, transform)))
})

/** Borrows for statements that are run the long way. */
export const tracedBorrower = (pool: SessionPool["Service"], isSharedByDefault: boolean): Borrower => {
  const shared = withoutSession(pool)
  return (f) =>
    Effect.withFiber((fiber) => ((fiber.getRef(Pipelining) ?? isSharedByDefault) ? f(shared) : pool.borrow(f)))
}
