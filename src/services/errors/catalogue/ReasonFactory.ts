import { isSqlError } from "effect/sql/SqlError"
import { classify } from "./Classify.ts"
import { factsOf } from "./FailureFacts.ts"
import type { CatalogueEntry, FailureFacts, Phase } from "./Entry.ts"
import { readField } from "./FailureFacts.ts"
import { harmlessCause, quotingFields } from "./SafeCause.ts"
import { redactForeignText } from "./RedactedText.ts"
import { wordMillis } from "../Wording.ts"
import { noReply, sessionUnknown, unknown } from "./GenericEntries.ts"
import { ConnectFailed, OutcomeUnknown, SessionLost } from "./SessionReasons.ts"
import { StatementFailed } from "./StatementReasons.ts"

/** Where and when a session operation failed, and the failure: any error, or facts. */
export interface FailedAt {
  readonly host: string
  readonly port: number
  readonly elapsedMillis: number
  readonly failure: unknown
  /** Whether AuthenticationOk had been seen, when the failure itself does not say so. */
  readonly authenticated?: boolean | undefined
  /** The cause to keep, when it is not the failure itself. */
  readonly cause?: unknown
}

export interface ConnectFailedInput extends FailedAt {
  readonly phase: Phase
}

export interface SessionLostInput extends FailedAt {
  /** Default `query`. */
  readonly phase?: Phase | undefined
  readonly statementInFlight: boolean
}

/** The failure is optional: a deadline that passed while COMMIT was in flight has none. */
interface MayHaveFailed extends Omit<FailedAt, "failure"> {
  readonly failure?: unknown
}

export interface OutcomeUnknownInput extends MayHaveFailed {
  /** Default `commit`; `query`: a statement outside a transaction. */
  readonly phase?: "commit" | "query" | undefined
}

const plainFacts = (input: MayHaveFailed, phase: Phase): FailureFacts => {
  const facts = factsOf(input.failure)
  return { ...facts, phase, authenticated: input.authenticated ?? facts.authenticated }
}

/** The cause inside an SqlError, which adds only a generic sentence to it. */
const causeOf = (failure: unknown): unknown => {
  try {
    return isSqlError(failure) ? failure.reason.cause : failure
  } catch {
    // A proxy's trap may throw.
    return undefined
  }
}

const redacted = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : redactForeignText(text)

/** Only errors are kept as causes: the reason already has the facts and the server's fields. */
const keptCause = (input: MayHaveFailed): unknown => {
  try {
    return harmlessCause(input.cause ?? (input.failure instanceof Error ? causeOf(input.failure) : undefined))
  } catch {
    // A revoked proxy throws on `instanceof`.
    return undefined
  }
}

const describe = (input: MayHaveFailed, facts: FailureFacts, unclassified: CatalogueEntry) => {
  const { entry: found, serverMessage, ceiling } = classify(facts)
  const entry = found === unknown ? unclassified : found
  const cause = keptCause(input)
  return {
    entry,
    ceiling,
    // A failure that ends a session is no failed statement, whatever its SQLSTATE: a replica's conflict has 40001.
    class: entry.class === "statement" ? ("pooler" as const) : entry.class,
    fields: {
      host: input.host,
      port: input.port,
      elapsedMillis: input.elapsedMillis,
      code: entry.code,
      sqlState: facts.sqlState,
      serverMessage,
      systemMessage: serverMessage === undefined ? redacted(facts.nodeMessage) : undefined,
      ...(cause === undefined ? {} : { cause })
    }
  }
}

export const makeConnectFailed = (input: ConnectFailedInput): ConnectFailed => {
  const described = describe(input, plainFacts(input, input.phase), unknown)
  const { ceiling, entry, fields } = described
  return new ConnectFailed({
    ...fields,
    phase: input.phase,
    // A statement of the login that fails permanently holds a setting that the server does not accept.
    class: entry.class === "statement" && !entry.isRetryable ? "configuration" : described.class,
    isRetryable: entry.isRetryable,
    retryAfterMillis: entry.retryAfterMillis,
    ceiling
  })
}

export const makeSessionLost = (input: SessionLostInput): SessionLost => {
  const phase = input.phase ?? "query"
  // A session that can be lost was authenticated, unless the caller reports otherwise.
  const facts = { ...plainFacts(input, phase), authenticated: input.authenticated ?? true }
  // A closed socket reports no error.
  const known = input.failure === undefined ? { ...facts, errno: "CONNECTION_CLOSED" } : facts
  const described = describe(input, known, sessionUnknown)
  const { entry, fields } = described
  return new SessionLost({
    ...fields,
    phase,
    class: described.class,
    isRetryable: entry.isRetryable && phase !== "commit",
    retryAfterMillis: entry.retryAfterMillis,
    statementInFlight: input.statementInFlight
  })
}

/** The reason of a SessionError is known already; describing it from its text would repeat that. */
const reasonOf = (failure: unknown): object | undefined => {
  try {
    const reason = isSqlError(failure) || !(failure instanceof Error) ? undefined : readField(failure, "reason")
    return typeof reason === "object" && reason !== null && "code" in reason ? reason : undefined
  } catch {
    // A proxy's trap may throw.
    return undefined
  }
}

export const makeOutcomeUnknown = (input: OutcomeUnknownInput): OutcomeUnknown => {
  const phase = input.phase ?? "commit"
  const reason = reasonOf(input.failure)
  if (reason === undefined)
    return new OutcomeUnknown({ ...describe(input, plainFacts(input, phase), noReply).fields, phase })
  const text = (name: string): string | undefined => {
    const value = readField(reason, name)
    return typeof value === "string" ? value : undefined
  }
  const limit = readField(reason, "limitMillis")
  const cause = keptCause({ ...input, cause: readField(reason, "cause") })
  return new OutcomeUnknown({
    host: input.host,
    port: input.port,
    elapsedMillis: input.elapsedMillis,
    phase,
    code: text("code") ?? noReply.code,
    sqlState: text("sqlState"),
    serverMessage: text("serverMessage"),
    systemMessage: typeof limit === "number" ? `no answer within ${wordMillis(limit)}` : text("systemMessage"),
    ...(cause === undefined ? {} : { cause })
  })
}

const serverFields = [...quotingFields, "constraint", "schema", "table", "column", "position"] as const

/** The innermost object that carries the server's fields. */
const findServerError = (failure: unknown, depth = 0): object | undefined => {
  if (typeof failure !== "object" || failure === null || depth > serverFieldDepth) return undefined
  const inner =
    findServerError(readField(failure, "reason"), depth + 1) ?? findServerError(readField(failure, "cause"), depth + 1)
  return inner ?? (typeof readField(failure, "severity") === "string" ? failure : undefined)
}

/** SqlError, its reason, the driver's error, and two more wrappers. */
const serverFieldDepth = 4

export const makeStatementFailed = (failure: unknown): StatementFailed => {
  const facts = factsOf(failure)
  const { entry, serverMessage } = classify({ ...facts, phase: facts.phase ?? "query" })
  const source = findServerError(failure)
  const text: Partial<Record<(typeof serverFields)[number], string>> = {}
  for (const name of source === undefined ? [] : serverFields) {
    const value: unknown = readField(source ?? {}, name)
    if (typeof value === "string") text[name] = redactForeignText(value)
  }
  const cause = source ?? causeOf(failure)
  return new StatementFailed({
    ...text,
    code: entry.code,
    sqlState: facts.sqlState,
    serverMessage: serverMessage ?? redacted(facts.nodeMessage),
    severity: facts.severity,
    class: entry.class,
    isRetryable: entry.isRetryable,
    retryAfterMillis: entry.retryAfterMillis,
    cause: harmlessCause(cause)
  })
}
