/**
 * Something a person should know about a connection string: a stable code, what is the matter, and what to do.
 *
 * Never holds the password, nor any part of the text that could be one.
 */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

/** Something that was accepted, but is worth saying. */
export type Note = Problem
