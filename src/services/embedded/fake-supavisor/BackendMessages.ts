/** Encodes messages of the server (PostgreSQL docs, "Message Formats"). */

/** Fields of an ErrorResponse by their letter: S severity, C SQLSTATE, M message and so on. */
export type ErrorFields = Readonly<Record<string, string>>

/** Type byte and length. */
export const HEADER_BYTES = 5
/** The length includes its own four bytes. */
export const LENGTH_BYTES = 4

const message = (type: string, body: Buffer): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(type, "latin1")
  header.writeInt32BE(body.length + LENGTH_BYTES, 1)
  return Buffer.concat([header, body])
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(LENGTH_BYTES)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`)

/** Sub-types of an Authentication message. */
const AUTHENTICATION = { ok: 0, sasl: 10, saslContinue: 11, saslFinal: 12 } as const

export const authenticationOk = message("R", int32(AUTHENTICATION.ok))

/** Offers the only mechanism of Supavisor. */
export const authenticationSasl = message(
  "R",
  Buffer.concat([int32(AUTHENTICATION.sasl), text("SCRAM-SHA-256"), Buffer.alloc(1)])
)

export const saslContinue = (data: string): Buffer =>
  message("R", Buffer.concat([int32(AUTHENTICATION.saslContinue), Buffer.from(data)]))

export const saslFinal = (data: string): Buffer =>
  message("R", Buffer.concat([int32(AUTHENTICATION.saslFinal), Buffer.from(data)]))

export const parameterStatus = (name: string, value: string): Buffer =>
  message("S", Buffer.concat([text(name), text(value)]))

export const backendKeyData = (processId: number, secret: number): Buffer =>
  message("K", Buffer.concat([int32(processId), int32(secret)]))

export const readyForQuery = message("Z", Buffer.from("I"))

/** The fields in alphabetical order, as in an Erlang map. */
export const errorResponse = (fields: ErrorFields): Buffer => {
  const letters = Object.keys(fields).toSorted()
  const parts = letters.map((letter) => text(`${letter}${fields[letter] ?? ""}`))
  return message("E", Buffer.concat([...parts, Buffer.alloc(1)]))
}

/** A simple Query, for statements of the pooler itself. */
export const query = (sql: string): Buffer => message("Q", text(sql))
