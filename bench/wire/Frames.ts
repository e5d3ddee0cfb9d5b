/** Encodes messages (PostgreSQL docs, "Message Formats"). */

/** Protocol 3.0. */
const PROTOCOL = 196_608

const LENGTH_BYTES = 4

const text = (value: string): Buffer => Buffer.from(`${value}\0`)

export const int32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES)
  bytes.writeInt32BE(value)
  return bytes
}

export const int16 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

export const frame = (type: string, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const length = parts.reduce((sum, part) => sum + part.length, LENGTH_BYTES)
  return Buffer.concat([Buffer.from(type), int32(length), ...parts])
}

export const startup = (user: string, database: string): Buffer => {
  const pairs = ["user", user, "database", database, "application_name", "bench-bare", "client_encoding", "UTF8"]
  return frame("", int32(PROTOCOL), ...pairs.map(text), Buffer.from([0]))
}

export const saslInitial = (message: string): Buffer =>
  frame("p", text("SCRAM-SHA-256"), int32(Buffer.byteLength(message)), Buffer.from(message))

export const saslResponse = (message: string): Buffer => frame("p", Buffer.from(message))

export const terminate = frame("X")

/** A named statement; every session prepares it before its first execution. */
export class Statement {
  /** Parse and Describe, sent before the first execution. */
  readonly prepare: Buffer
  private readonly bind: Buffer
  private readonly parameters: number
  /** Result columns in binary, Execute without a limit, Sync. */
  private readonly end: Buffer

  constructor(name: string, sql: string, parameters: number) {
    this.prepare = Buffer.concat([
      frame("P", text(name), text(sql), int16(0)),
      frame("D", Buffer.from("S"), text(name))
    ])
    this.bind = Buffer.concat([text(""), text(name), int16(0), int16(parameters)])
    this.parameters = parameters
    this.end = Buffer.concat([int16(1), int16(1), frame("E", text(""), int32(0)), frame("S")])
  }

  /** Size in bytes of one execution with these values. */
  size(values: ReadonlyArray<string>): number {
    let size = 1 + LENGTH_BYTES + this.bind.length + this.end.length
    for (let index = 0; index < this.parameters; index++) size += LENGTH_BYTES + Buffer.byteLength(values[index] ?? "")
    return size
  }

  /** Writes one execution and returns the offset of its end. */
  write(into: Buffer, from: number, values: ReadonlyArray<string>): number {
    into[from] = 0x42
    let at = from + 1 + LENGTH_BYTES
    this.bind.copy(into, at)
    at += this.bind.length
    for (let index = 0; index < this.parameters; index++) {
      const length = into.write(values[index] ?? "", at + LENGTH_BYTES)
      into.writeInt32BE(length, at)
      at += LENGTH_BYTES + length
    }
    // Bind includes the format code of the result.
    into.writeInt32BE(at + 2 * 2 - from - 1, from + 1)
    this.end.copy(into, at)
    return at + this.end.length
  }
}
