import type { FailureFacts } from "../../../../src/services/errors/catalogue/Entry.ts"

/** A FATAL answer, by default with the SQLSTATE Supavisor uses. */
export const fatal = (serverMessage: string, sqlState = "XX000", more: FailureFacts = {}): FailureFacts => ({
  severity: "FATAL",
  sqlState,
  serverMessage,
  ...more
})
/** An ERROR answer to a statement. */
export const error = (serverMessage: string, sqlState: string): FailureFacts => ({
  severity: "ERROR",
  sqlState,
  serverMessage
})
