/** A statement's failure in the words of Effect SQL, before the catalogue says what it means. */
import { SqlError, UnknownError } from "effect/sql/SqlError"

const failure = (cause: unknown, message: string): SqlError =>
  new SqlError({ reason: new UnknownError({ cause, message, operation: "query" }) })

/** The parameters cannot be sent as they are; nothing was written. */
export const notSent = (cause: unknown): SqlError => failure(cause, "The parameters of the statement cannot be sent")

/** The server refused it, or its answer cannot be read. */
export const notAnswered = (cause: unknown): SqlError => failure(cause, "The statement failed")
