/**
 * Traced statements take Effect's own path, which borrows a connection and runs one statement on it. Where statements
 * share sessions, the connection has no session yet: it passes a statement on to the pool, which assigns one.
 */
import * as Effect from "effect/Effect"
import type { Borrower, Connection } from "effect/sql/SqlConnection"
import * as Stream from "effect/Stream"
import { Pipelining } from "./Pipelining.ts"
import type { SessionPool } from "../pool/SessionPool.ts"

/** Only `execute` can share a session; everything else borrows one. */
const sharedConnection = ({ borrow, reserve, run }: SessionPool["Service"]): Connection => ({
  execute: (sql, params, transform) =>
    Effect.withFiber((fiber) => run(fiber, sql, params, { transform, isShared: true })),
  executeRaw: (sql, params) => borrow((session) => session.executeRaw(sql, params)),
  executeValues: (sql, params) => borrow((session) => session.executeValues(sql, params)),
  executeValuesUnprepared: (sql, params) => borrow((session) => session.executeValuesUnprepared(sql, params)),
  executeUnprepared: (sql, params, transform) => borrow((session) => session.executeUnprepared(sql, params, transform)),
  executeStream: (sql, params, transform) =>
    Stream.unwrap(Effect.map(reserve, (session) => session.executeStream(sql, params, transform)))
})

/** Borrows connections for traced statements. */
export const tracedBorrower = (pool: SessionPool["Service"], isSharedByDefault: boolean): Borrower => {
  const shared = sharedConnection(pool)
  return (f) =>
    Effect.withFiber((fiber) => ((fiber.getRef(Pipelining) ?? isSharedByDefault) ? f(shared) : pool.borrow(f)))
}
