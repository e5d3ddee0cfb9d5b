/**
 * Replies instead of the server, inside this process, so that only the client's own code is measured.
 *
 * Writing to and reading from a socket is most of the cost of a statement, and varies with the machine's load. Without it
 * a change of the code is visible to a few percent. Statements are prepared on the real server first; from then on
 * everything that would be written to a socket is parsed here, and the reply arrives in the next turn of the event loop.
 */
import { Socket } from "node:net"
import { SQL } from "../Operation.ts"
import { frame, int16, int32 } from "./Frames.ts"

const HEADER_BYTES = 5

/** Types of messages (PostgreSQL docs, "Message Formats"). */
const PARSE = 0x50
const BIND = 0x42
const SYNC = 0x53

const row = (...values: ReadonlyArray<Buffer>): Buffer =>
  frame("D", Buffer.concat([int16(values.length), ...values.flatMap((value) => [int32(value.length), value])]))

/** BindComplete, the rows, and CommandComplete. */
const replyOf = (tag: string, ...rows: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat([frame("2", Buffer.alloc(0)), ...rows, frame("C", Buffer.from(`${tag}\0`))])

const BEGIN = "begin"
const COMMIT = "commit"

const account = row(int32(1), Buffer.from("account 1"), int32(0))

const replies: ReadonlyMap<string, Buffer> = new Map([
  [SQL.select1, replyOf("SELECT 1", row(int32(1)))],
  [SQL.point, replyOf("SELECT 1", account)],
  [SQL.update, replyOf("UPDATE 1")],
  [BEGIN, replyOf("BEGIN")],
  [COMMIT, replyOf("COMMIT")]
])

const idle = frame("Z", Buffer.from("I"))
const inTransaction = frame("Z", Buffer.from("T"))

/** The state of one socket's session. */
interface SessionState {
  /** Texts of the named statements. */
  readonly texts: Map<string, string>
  isInTransaction: boolean
}

const textAt = (bytes: Buffer, from: number): string => bytes.toString("latin1", from, bytes.indexOf(0, from))

function* messages(bytes: Buffer): Generator<readonly [type: number, body: number]> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    yield [bytes[at] ?? 0, at + HEADER_BYTES]
  }
}

const recordStatements = ({ texts }: SessionState, bytes: Buffer): void => {
  // The startup message has no type.
  if (bytes[0] === 0) return
  for (const [type, body] of messages(bytes)) {
    if (type !== PARSE) continue
    const name = textAt(bytes, body)
    texts.set(name, textAt(bytes, body + name.length + 1).toLowerCase())
  }
}

const reply = (known: SessionState, bytes: Buffer): Buffer => {
  const parts: Array<Buffer> = []
  for (const [type, body] of messages(bytes)) {
    if (type === SYNC) parts.push(known.isInTransaction ? inTransaction : idle)
    if (type !== BIND) continue
    // The portal's name is empty.
    const text = known.texts.get(textAt(bytes, body + 1)) ?? ""
    const canned = replies.get(text)
    if (canned === undefined) throw new Error(`No reply is defined for the statement: ${text}`)
    if (text === BEGIN || text === COMMIT) known.isInTransaction = text === BEGIN
    parts.push(canned)
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

const deliver = (socket: Socket, bytes: Buffer): void => {
  socket.emit("data", bytes)
}

/** Intercepts writes to this process's sockets. Until it is switched on, it only records prepared statements. */
export class CannedServer {
  isOn = false
  private readonly sessions = new WeakMap<Socket, SessionState>()

  constructor() {
    const take = this.take.bind(this)
    const { write } = Socket.prototype
    Socket.prototype.write = function (this: Socket, ...parameters: ReadonlyArray<unknown>): boolean {
      const [bytes] = parameters
      return (bytes instanceof Uint8Array && take(this, bytes)) || Reflect.apply(write, this, parameters)
    } as Socket["write"]
  }

  /** Returns true if the reply comes from here, and the write must not reach the socket. */
  private take(socket: Socket, written: Uint8Array): boolean {
    const bytes = Buffer.from(written.buffer, written.byteOffset, written.length)
    let known = this.sessions.get(socket)
    if (known === undefined) this.sessions.set(socket, (known = { texts: new Map(), isInTransaction: false }))
    if (this.isOn) setImmediate(deliver, socket, reply(known, bytes))
    else recordStatements(known, bytes)
    return this.isOn
  }
}
