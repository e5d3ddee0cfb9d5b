import { holdsCredential, redactForeignText } from "./RedactedText.ts"

/** Errors nest a handful of levels: SqlError, reason, cause, AggregateError. */
const maxDepth = 8

/** The most fields that are searched in a cause; a TLS error's certificate has about 60. */
const maxFields = 256

interface Search {
  readonly path: Set<object>
  fields: number
}

/** Also true for values too large to search, and for circular ones, which JSON cannot print. */
const isHarmful = (value: unknown, search: Search, depth: number): boolean => {
  if (typeof value === "string") return holdsCredential(value)
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false
  if (depth > maxDepth || search.path.has(value)) return true
  search.path.add(value)
  for (const name of Object.getOwnPropertyNames(value)) {
    search.fields += 1
    if (search.fields > maxFields || isHarmful(Reflect.get(value, name), search, depth + 1)) return true
  }
  search.path.delete(value)
  return false
}

const textOf = (value: object, name: string): string | undefined => {
  const field: unknown = Reflect.get(value, name)
  return typeof field === "string" ? redactForeignText(field) : undefined
}

/** The part of an error that goes into JSON, and that is kept of an error which cannot be kept whole. */
export interface CauseSummary {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly cause?: CauseSummary
}

/** Name, text and code of a failure and of its causes, without secrets; undefined for no failure. */
export const summarizeCause = (cause: unknown, depth = 0): CauseSummary | undefined => {
  if (cause === undefined || cause === null) return undefined
  if (typeof cause !== "object") return { name: typeof cause, message: redactForeignText(String(cause)) }
  const code = textOf(cause, "code")
  const inner = depth < maxDepth ? summarizeCause(Reflect.get(cause, "cause"), depth + 1) : undefined
  return {
    name: textOf(cause, "name") ?? "Object",
    message: textOf(cause, "message") ?? "",
    ...(code === undefined ? {} : { code }),
    ...(inner === undefined ? {} : { cause: inner })
  }
}

const rebuild = (summary: CauseSummary): Error => {
  const error = new Error(summary.message, summary.cause === undefined ? {} : { cause: rebuild(summary.cause) })
  error.name = summary.name
  error.stack = `${summary.name}: ${summary.message}`
  return summary.code === undefined ? error : Object.assign(error, { code: summary.code })
}

/** The fields of a server's error in which it quotes rows, parameters and statements. */
export const quotingFields = ["detail", "hint", "where", "internalQuery"] as const

/** Keeps these fields readable, but out of JSON and of what a logger or an error reporter prints of an object. */
export const hideQuotes = <A extends object>(error: A): A => {
  for (const name of quotingFields) {
    const field = Reflect.getOwnPropertyDescriptor(error, name)
    if (field !== undefined) Reflect.defineProperty(error, name, { ...field, enumerable: false })
  }
  return error
}

/**
 * A failure that is safe to keep as a cause.
 *
 * The quotes of a server's error are hidden. It stays the same value unless a text in it looks like a credential, or it
 * is circular or too large to search; then it is rebuilt as plain errors of the same names, texts and codes.
 */
export const harmlessCause = (cause: unknown): unknown => {
  try {
    if (cause instanceof Error) hideQuotes(cause)
    else if (Object(cause) === cause && quotingFields.some((name) => Reflect.has(Object(cause), name))) return undefined
    if (!isHarmful(cause, { path: new Set(), fields: 0 }, 0)) return cause
    const summary = summarizeCause(cause)
    return summary === undefined ? undefined : rebuild(summary)
  } catch {
    // A throwing getter or a revoked proxy must not replace the failure that is being reported.
    return undefined
  }
}
