/** A problem of a connection string: a stable code, a message and a remedy. Never holds a part that could be secret. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

/** A problem that does not prevent the use of the connection string. */
export type Note = Problem
