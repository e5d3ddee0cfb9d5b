import type { FailureFacts, Phase } from "./Entry.ts"

/** How deep causes are followed: SqlError, its reason, a wrapper or two, the driver's error, Node's error. */
const maxDepth = 8

const sqlStatePattern = /^[0-9A-Z]{5}$/

type Mutable = { -readonly [K in keyof FailureFacts]: FailureFacts[K] }

/** A field of any object; undefined when its getter throws. */
export const readField = (value: object, name: string): unknown => {
  try {
    return Reflect.get(value, name)
  } catch {
    return undefined
  }
}

const readString = (value: object, name: string): string | undefined => {
  const field = readField(value, name)
  return typeof field === "string" && field !== "" ? field : undefined
}

const factNames = ["sqlState", "serverMessage", "nodeMessage", "authenticated", "phase"] as const

/** Whether a plain object holds facts already; Node's own `errno` is a number, and an Error is never facts. */
const isFacts = (value: object): boolean =>
  !(value instanceof Error) &&
  readField(value, "_tag") === undefined &&
  (factNames.some((name) => readField(value, name) !== undefined) || readString(value, "errno") !== undefined)

const takeFacts = (value: object): FailureFacts => {
  const authenticated = readField(value, "authenticated")
  const sqlState = readString(value, "sqlState")
  return {
    sqlState,
    severity: readString(value, "severity"),
    serverMessage: readString(value, "serverMessage") ?? (sqlState && readString(value, "message")),
    errno: readString(value, "errno"),
    syscall: readString(value, "syscall"),
    nodeMessage: readString(value, "nodeMessage"),
    authenticated: typeof authenticated === "boolean" ? authenticated : undefined,
    phase: readString(value, "phase") as Phase | undefined
  }
}

const takeServerFields = (value: object, facts: Mutable): boolean => {
  const message = readString(value, "M") ?? readString(value, "message")
  const severity =
    readString(value, "V") ??
    readString(value, "severityUnlocalized") ??
    readString(value, "S") ??
    readString(value, "severity")
  const code = readString(value, "C") ?? readString(value, "code")
  if (code === undefined || !sqlStatePattern.test(code) || (severity === undefined && isNodeCode(code))) return false
  facts.sqlState = code
  facts.severity = severity
  facts.serverMessage = message
  return true
}

/** `EPIPE` has the shape of a SQLSTATE; PostgreSQL's five-character codes all hold a digit. */
const isNodeCode = (code: string): boolean => !/[0-9]/.test(code)

const takeNodeFields = (value: object, facts: Mutable): void => {
  facts.errno ??= readString(value, "code")
  facts.syscall ??= readString(value, "syscall")
  facts.nodeMessage = readString(value, "message") ?? facts.nodeMessage
}

/** The next level below a failure: an SqlError's reason, else the cause, else an AggregateError's first error. */
const inner = (value: object): unknown => {
  const reason = readField(value, "reason")
  if (typeof reason === "object" && reason !== null) return reason
  const cause = readField(value, "cause")
  if (cause !== undefined && cause !== null) return cause
  const errors = readField(value, "errors")
  return Array.isArray(errors) ? errors[0] : undefined
}

const collect = (failure: unknown): FailureFacts => {
  if (typeof failure === "string") return failure === "" ? {} : { nodeMessage: failure }
  const facts: Mutable = {}
  let value = failure
  for (let depth = 0; depth < maxDepth && typeof value === "object" && value !== null; depth++) {
    if (isFacts(value)) return takeFacts(value)
    if (takeServerFields(value, facts)) {
      delete facts.nodeMessage
      delete facts.errno
      delete facts.syscall
      return facts
    }
    takeNodeFields(value, facts)
    value = inner(value)
  }
  return facts
}

/**
 * The facts of any failure: an Error of Node.js, an SqlError, an ErrorResponse's fields (named, or by their one-letter
 * keys), or facts. Never throws.
 *
 * It follows `reason`, `cause` and an AggregateError's first error; the server's fields win over those of Node.js.
 */
export const factsOf = (failure: unknown): FailureFacts => {
  try {
    return collect(failure)
  } catch {
    // A proxy's traps may throw.
    return {}
  }
}

/** Whether the phase comes before the first answered round trip; a failure there is a failed connect. */
export const isConnecting = (phase: Phase | undefined): boolean =>
  phase === "dns" || phase === "tcp" || phase === "tls" || phase === "authentication" || phase === "session"
