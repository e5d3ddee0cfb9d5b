import { SessionError } from "../../../../src/services/errors/SessionError.ts"

export const at = { host: "pooler.example.com", port: 5432, elapsedMillis: 1_234 }

/** One SessionError of every reason, made from the failure where a reason takes one. */
export const everyReason = (failure: unknown): ReadonlyArray<SessionError> => [
  SessionError.connectFailed({ ...at, phase: "authentication", failure }),
  SessionError.sessionLost({ ...at, statementInFlight: true, failure }),
  SessionError.outcomeUnknown({ ...at, failure }),
  SessionError.statementFailed(failure),
  SessionError.statementTimeout({ ...at, limitMillis: 1_000, cause: failure }),
  SessionError.acquireTimeout({ waitedMillis: 30_000, poolName: "agent", state: "open=5/5", holders: ["job 7"] }),
  SessionError.queueFull({ maxWaiting: 1_000, state: "open=5/5" }),
  SessionError.poolClosed({ draining: true }),
  SessionError.configurationInvalid([{ name: "DB_POOL_MIN", received: "two", expected: "an integer" }])
]
