/** A name server on this machine with the answers of a test. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Dgram from "node:dgram"
import * as Net from "node:net"

/** The answer for one name: addresses, a failure, or none. */
export type Answer = ReadonlyArray<string> | "no such name" | "failure" | "silence"

const HEADER_BYTES = 12
const TYPES = { 1: 4, 28: 6 } as const
const RESPONSE_CODES = { failure: 2, "no such name": 3 } as const
/** Response, recursion desired and available (RFC 1035, 4.1.1). */
const FLAGS = 0x8180
/** The name of an answer: a pointer to the name of the question (RFC 1035, 4.1.4). */
const NAME_POINTER = Buffer.from([0xc0, HEADER_BYTES])
const SECONDS_TO_LIVE = 1

interface Question {
  readonly name: string
  readonly family: number | undefined
  readonly bytes: Buffer
}

const questionOf = (query: Buffer): Question => {
  const labels: Array<string> = []
  let offset = HEADER_BYTES
  for (let length = query[offset] ?? 0; length > 0; length = query[offset] ?? 0) {
    labels.push(query.toString("latin1", offset + 1, offset + 1 + length))
    offset += 1 + length
  }
  const type = query.readUInt16BE(offset + 1)
  return {
    name: labels.join(".").toLowerCase(),
    family: TYPES[type as keyof typeof TYPES],
    bytes: query.subarray(HEADER_BYTES, offset + 5)
  }
}

const bytesOf = (address: string): Buffer => {
  if (Net.isIPv4(address)) return Buffer.from(address.split(".").map(Number))
  const [head = "", tail = ""] = address.split("::")
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)))
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => 0)
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...groups(head), ...zeros, ...groups(tail)].entries())
    bytes.writeUInt16BE(group, index * 2)
  return bytes
}

const recordOf = (address: string): Buffer => {
  const data = bytesOf(address)
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(data.length === 4 ? 1 : 28, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(SECONDS_TO_LIVE, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([NAME_POINTER, fixed, data])
}

const replyTo = (query: Buffer, question: Question, answer: Exclude<Answer, "silence">): Buffer => {
  const records =
    typeof answer === "string"
      ? []
      : answer.filter((address) => Net.isIP(address) === question.family).map((address) => recordOf(address))
  const header = Buffer.alloc(HEADER_BYTES)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(FLAGS | (typeof answer === "string" ? RESPONSE_CODES[answer] : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question.bytes, ...records])
}

/** Starts the server until the scope closes and succeeds with its `address:port`. Other names do not exist. */
export const nameServer = (names: Readonly<Record<string, Answer>>): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Dgram.Socket>((resume) => {
        const socket = Dgram.createSocket("udp4")
        socket.on("message", (query, from) => {
          const question = questionOf(query)
          const answer = names[question.name] ?? "no such name"
          if (answer !== "silence") socket.send(replyTo(query, question, answer), from.port, from.address)
        })
        socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
      }),
      (socket) => Effect.callback<void>((resume) => void socket.close(() => resume(Effect.void)))
    ),
    (socket) => `127.0.0.1:${socket.address().port}`
  )
