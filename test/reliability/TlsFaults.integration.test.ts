import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { poolAt } from "../PoolHarness.ts"
import { selfSigned } from "../services/embedded/fake-supavisor/SelfSigned.ts"

/** The whole of an SSLRequest (PostgreSQL docs, "Message Formats"). */
const SSL_REQUEST_BYTES = 8

/** A server that agrees to TLS and passes the connection on; what it receives in plaintext is kept. */
const agreeing = (encrypt: (socket: Net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: Net.Server; readonly plaintext: Array<Buffer> }>((resume) => {
        const plaintext: Array<Buffer> = []
        const server = Net.createServer((socket) => {
          socket.on("error", () => {})
          socket.once("data", (chunk) => {
            if (chunk.length !== SSL_REQUEST_BYTES) return void plaintext.push(chunk)
            encrypt(socket)
            return socket.write("S")
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, plaintext })))
      }),
      ({ server }) => Effect.sync(() => server.close())
    ),
    ({ plaintext, server }) => ({ plaintext, port: (server.address() as Net.AddressInfo).port })
  )

const refusal = (port: number) =>
  Effect.map(
    Effect.flip(
      Effect.scoped(
        poolAt({
          host: "127.0.0.1",
          port,
          username: "someone",
          password: "s3cr3t-CANARY",
          ssl: { mode: "require" },
          startup: "fail-fast",
          pool: { min: 1, max: 1 }
        })
      )
    ),
    (error) => {
      assert.instanceOf(error, SessionError)
      return error
    }
  )

const assertNoPlaintext = (plaintext: ReadonlyArray<Buffer>) => assert.deepStrictEqual(plaintext, [])

describe("a server that breaks TLS off", () => {
  it.live("by a reset in the handshake is reported, and never used in plaintext under require", () =>
    Effect.gen(function* () {
      const { plaintext, port } = yield* agreeing((socket) => socket.once("data", () => socket.resetAndDestroy()))
      const error = yield* refusal(port)
      assert.strictEqual(error.class, "network")
      assert.include(error.message, "tls phase")
      assertNoPlaintext(plaintext)
    }).pipe(Effect.scoped)
  )

  it.live("by not supporting TLS after all is reported, and never used in plaintext under require", () =>
    Effect.gen(function* () {
      const { plaintext, port } = yield* agreeing((socket) => socket.once("data", () => socket.end("HTTP/1.1 400\r\n")))
      const error = yield* refusal(port)
      assert.strictEqual(error.code, "TLS_PROTOCOL")
      assert.include(error.message, "tls phase")
      assertNoPlaintext(plaintext)
    }).pipe(Effect.scoped)
  )

  it.live("by supporting only TLS 1.1 is reported, and never used in plaintext under require", (test) =>
    Effect.gen(function* () {
      const certificate = selfSigned()
      if (certificate === undefined) return test.skip("openssl is not installed")
      const { plaintext, port } = yield* agreeing((socket) => {
        const encrypted = new Tls.TLSSocket(socket, {
          ...certificate,
          isServer: true,
          minVersion: "TLSv1",
          maxVersion: "TLSv1.1",
          ciphers: "DEFAULT@SECLEVEL=0"
        })
        encrypted.on("error", () => {})
      })
      const error = yield* refusal(port)
      assert.strictEqual(error.code, "TLS_PROTOCOL")
      assertNoPlaintext(plaintext)
    }).pipe(Effect.scoped)
  )
})
