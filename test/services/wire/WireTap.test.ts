import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { WireTap } from "../../../src/services/wire/WireTap.ts"

const CAPTURE_LIMIT = 64 * 1024

const message = (type: string, payload: Buffer): Buffer => {
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeUInt32BE(payload.length + 4, 1)
  return Buffer.concat([header, payload])
}

const int32 = (...numbers: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(numbers.length * 4)
  for (const [index, number] of numbers.entries()) bytes.writeInt32BE(number, index * 4)
  return bytes
}

const texts = (...parts: ReadonlyArray<string>): Buffer => Buffer.from(parts.map((part) => `${part}\0`).join(""))

const fields = (entries: Readonly<Record<string, string>>): Buffer =>
  Buffer.from(
    `${Object.entries(entries)
      .map(([field, value]) => `${field}${value}\0`)
      .join("")}\0`
  )

const ready = (status: string): Buffer => message("Z", Buffer.from(status))
const authentication = (code: number, rest: Buffer = Buffer.alloc(0)): Buffer =>
  message("R", Buffer.concat([int32(code), rest]))
const parameter = (name: string, value: string): Buffer => message("S", texts(name, value))
const key = (pid: number, secret: number): Buffer => message("K", int32(pid, secret))
const error = (severity: string, sqlState: string, text: string): Buffer =>
  message("E", fields({ S: severity, V: severity, C: sqlState, M: text }))
const notice = (sqlState: string, text: string): Buffer =>
  message("N", fields({ S: "WARNING", V: "WARNING", C: sqlState, M: text }))
const row = (value: string): Buffer =>
  message("D", Buffer.concat([Buffer.from([0, 1]), int32(value.length), Buffer.from(value)]))

/** The login that Supavisor 2.9 answers a SCRAM client with. */
const LOGIN = [
  authentication(10, texts("SCRAM-SHA-256", "")),
  authentication(11, Buffer.from("r=nonce,s=salt,i=4096")),
  authentication(12, Buffer.from("v=signature")),
  authentication(0),
  parameter("server_version", "15.18"),
  parameter("TimeZone", "Etc/UTC"),
  key(27, -1_234_567),
  ready("I")
]

const CANCELLED = error("ERROR", "57014", "canceling statement due to user request")
const TIMED_OUT = error("ERROR", "57014", "canceling statement due to statement timeout")
const TERMINATED = error("FATAL", "57P01", "terminating connection due to administrator command")

const word = fc.string({ maxLength: 30 }).map((text) => text.replaceAll("\0", ""))

const anyMessage: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom("I", "T", "E").map(ready),
  fc.constantFrom(CANCELLED, TIMED_OUT, TERMINATED, ...LOGIN),
  fc.tuple(fc.constantFrom("ERROR", "FATAL", "PANIC"), word).map(([severity, text]) => error(severity, "XX000", text)),
  fc.constantFrom("57P01", "57P02", "57P03", "01000").map((sqlState) => notice(sqlState, "a message of the server")),
  fc.tuple(word, word).map(([name, value]) => parameter(name, value)),
  fc.tuple(fc.nat(), fc.nat()).map(([pid, secret]) => key(pid, secret)),
  fc.string({ maxLength: 200 }).map(row),
  fc.constantFrom("1", "2", "C", "A", "T", "n", "s").map((type) => message(type, Buffer.from("anything\0"))),
  fc.constantFrom("1", "2", "I", "n").map((type) => message(type, Buffer.alloc(0)))
)

const tapOf = (chunks: Iterable<Buffer>): WireTap => {
  const tap = new WireTap(() => 0)
  for (const chunk of chunks) tap.push(chunk)
  return tap
}

const seen = (tap: WireTap) => ({
  status: tap.status,
  ready: tap.ready,
  authenticated: tap.authenticated,
  authenticationMethod: tap.authenticationMethod,
  processId: tap.processId,
  secretKey: tap.secretKey,
  fatal: tap.fatal,
  cancelled: tap.cancelled,
  parameterChanges: tap.parameterChanges
})

const sliced = (stream: Buffer, cuts: ReadonlyArray<number>): Array<Buffer> => {
  const ends = cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b)
  return [...ends, stream.length].map((end, index) => stream.subarray(index === 0 ? 0 : ends[index - 1], end))
}

/** What the tap keeps in its buffers, and what those keep alive. */
const held = (tap: WireTap): number =>
  Object.values(tap).reduce((sum, value) => (Buffer.isBuffer(value) ? sum + value.buffer.byteLength : sum), 0)

describe("WireTap", () => {
  it("reads the same whatever the chunks of the stream are", () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 40 }), (messages, cuts) => {
        const stream = Buffer.concat(messages)
        const whole = seen(tapOf([stream]))
        assert.deepStrictEqual(seen(tapOf(sliced(stream, cuts))), whole)
        assert.deepStrictEqual(seen(tapOf(messages)), whole)
      }),
      { numRuns: 500 }
    )
  })

  it("reads the same when messages arrive byte by byte", () => {
    const stream = Buffer.concat([...LOGIN, row("value"), CANCELLED, ready("E"), notice("57P02", "crash"), TERMINATED])
    const bytes = Array.from(stream, (_, at) => stream.subarray(at, at + 1))
    assert.deepStrictEqual(seen(tapOf(bytes)), seen(tapOf([stream])))
  })

  it("does not keep what a later chunk overwrites in the same memory", () => {
    for (const cut of [3, 30]) {
      const memory = Buffer.from(TERMINATED.subarray(0, cut))
      const tap = tapOf([memory])
      memory.fill(0x21)
      tap.push(TERMINATED.subarray(cut))
      assert.strictEqual(tap.fatal?.message, "terminating connection due to administrator command")
    }
  })

  it("follows a login to the session it becomes", () => {
    const unauthenticated = tapOf(LOGIN.slice(0, 3))
    assert.deepStrictEqual(
      [unauthenticated.authenticated, unauthenticated.authenticationMethod, unauthenticated.status],
      [false, 10, undefined]
    )
    const tap = tapOf(LOGIN)
    assert.deepStrictEqual(seen(tap), {
      status: "I",
      ready: 1,
      authenticated: true,
      authenticationMethod: 10,
      processId: 27,
      secretKey: -1_234_567,
      fatal: undefined,
      cancelled: 0,
      parameterChanges: 0
    })
  })

  it("returns the transaction status of the last ReadyForQuery", () => {
    const tap = tapOf(LOGIN)
    const statuses = ["T", "E", "I"].map((status) => {
      tap.push(ready(status))
      return tap.status
    })
    assert.deepStrictEqual(statuses, ["T", "E", "I"])
    assert.strictEqual(tap.ready, 4)
  })

  it("counts the settings that changed once the session was ready, and none before", () => {
    assert.strictEqual(
      tapOf([...LOGIN, parameter("TimeZone", "UTC"), parameter("DateStyle", "ISO")]).parameterChanges,
      2
    )
  })

  it("keeps the FATAL of a server that is about to close", () => {
    assert.deepStrictEqual(tapOf([...LOGIN, TERMINATED]).fatal, {
      severity: "FATAL",
      sqlState: "57P01",
      message: "terminating connection due to administrator command"
    })
    const text = "(EMAXCONNSESSION) max clients reached in session mode"
    const refused = tapOf([message("E", fields({ S: "FATAL", C: "XX000", M: text }))])
    assert.deepStrictEqual(refused.fatal, { severity: "FATAL", sqlState: "XX000", message: text })
  })

  it("takes the severity that is never translated", () => {
    const tap = tapOf([message("E", fields({ S: "FATAL ERROR IN ANOTHER LANGUAGE", V: "FATAL", C: "57P01", M: "x" }))])
    assert.strictEqual(tap.fatal?.severity, "FATAL")
  })

  it("takes a notice as the reason only when the server is ending, and an error before a notice", () => {
    assert.isUndefined(tapOf([...LOGIN, notice("01000", "just saying")]).fatal)
    assert.strictEqual(tapOf([...LOGIN, notice("57P02", "crash of another session")]).fatal?.sqlState, "57P02")
    assert.strictEqual(tapOf([...LOGIN, notice("57P02", "crash"), TERMINATED]).fatal?.sqlState, "57P01")
    assert.strictEqual(tapOf([...LOGIN, TERMINATED, notice("57P02", "crash")]).fatal?.sqlState, "57P01")
  })

  it("counts a statement cancelled on request, not one that ran into its timeout", () => {
    const tap = tapOf([...LOGIN, TIMED_OUT, ready("I")])
    assert.strictEqual(tap.cancelled, 0)
    tap.push(CANCELLED)
    assert.strictEqual(tap.cancelled, 1)
    assert.isUndefined(tap.fatal)
  })

  it("records when the peer last sent something", () => {
    let now = 5
    const tap = new WireTap(() => now)
    assert.strictEqual(tap.lastReceivedAt, 5)
    now = 9
    tap.push(Buffer.from([0x44]))
    assert.strictEqual(tap.lastReceivedAt, 9)
  })

  it("neither throws for garbage nor accumulates it", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 30 }), (chunks) => {
        assert.isAtMost(held(tapOf(chunks.map((chunk) => Buffer.from(chunk)))), 2 * CAPTURE_LIMIT)
      }),
      { numRuns: 500 }
    )
  })

  it("keeps 64 KiB of a text without end, and reads on behind one that ends", () => {
    const chunk = Buffer.alloc(16 * 1024, "x")
    const endless = tapOf([Buffer.from([0x45, 0xff, 0xff, 0xff, 0xff]), ...Array.from({ length: 256 }, () => chunk)])
    assert.isAtMost(held(endless), 2 * CAPTURE_LIMIT)
    const long = error("FATAL", "XX000", "x".repeat(1024 * 1024))
    for (const tap of [tapOf([long, ready("I")]), tapOf([...sliced(long, [3, 70_000, 500_000]), ready("T")])]) {
      assert.isBelow(tap.fatal?.message.length ?? Number.POSITIVE_INFINITY, CAPTURE_LIMIT)
      assert.isAbove(tap.fatal?.message.length ?? 0, CAPTURE_LIMIT - 100)
      assert.strictEqual(tap.ready, 1)
    }
  })

  it("reads nothing more after a length that cannot be", () => {
    const tap = tapOf([...LOGIN, Buffer.from([0x5a, 0, 0, 0, 3]), ready("E"), TERMINATED])
    assert.strictEqual(tap.status, "I")
    assert.isUndefined(tap.fatal)
  })
})
