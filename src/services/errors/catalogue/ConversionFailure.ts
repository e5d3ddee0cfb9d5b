import { isTagged } from "effect/Predicate"

/** Why parameters were not sent, or a result was not read, with the code of its entry; undefined for other failures. */
export const conversionFailure = (
  cause: unknown,
  code: "PARAMETERS_NOT_SENT" | "RESULT_NOT_DECODED"
): Error | undefined => {
  if (isTagged(cause, "PgProtocolEncodeError")) code = "PARAMETERS_NOT_SENT"
  else if (!isTagged(cause, "PgTypesCodecError")) return undefined
  // The driver's messages may end with the value.
  const reason = cause instanceof Error ? cause.message.replace(/,? received[^]*$|: "[^]*$/, "") : ""
  const message =
    code === "PARAMETERS_NOT_SENT"
      ? `The parameters of the statement cannot be sent: ${reason}`
      : `The statement was executed, but ${reason}`
  return Object.assign(new Error(message), { code })
}
