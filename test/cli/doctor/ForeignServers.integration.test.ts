import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { makeAuthority } from "../../services/doctor/network/Certificates.ts"
import { cannedServer } from "../../services/doctor/checks/CannedServer.ts"
import { fatalAnswer } from "../../reliability/FatalAnswer.ts"
import { timed } from "../../Timing.ts"
import { runDoctor } from "./RunDoctor.ts"

/** Listens on a free port until the scope closes. */
const listening = (server: Net.Server) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      () => Effect.sync(() => server.close())
    ),
    () => (server.address() as Net.AddressInfo).port
  )

/** Sends a greeting, and an answer to each chunk that the function answers. */
const speaking = (greeting: Buffer | string, answer: (text: string) => Buffer | string | undefined = () => undefined) =>
  Net.createServer((socket) => {
    socket.on("error", () => {})
    if (greeting.length > 0) socket.write(greeting)
    socket.on("data", (chunk) => {
      const reply = answer(chunk.toString("latin1"))
      if (reply !== undefined) socket.write(reply)
    })
  })

const mysqlGreeting = (version: string) => {
  const body = Buffer.concat([Buffer.from([10]), Buffer.from(`${version}\0`), Buffer.alloc(60, 1)])
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body])
}

/** Redis answers lines; binary text without a line end gets no answer. */
const redis = (reply: string) => speaking("", (text) => (text.includes("\n") ? reply : undefined))

const servers: ReadonlyArray<readonly [name: string, make: () => Net.Server]> = [
  ["an HTTP server", () => Http.createServer((_, response) => response.end("hi"))],
  ["an HTTP server", () => speaking("", () => "HTTP/1.1 400 Bad Request\r\nServer: kong\r\n\r\n")],
  ["an SSH server", () => speaking("SSH-2.0-OpenSSH_9.6\r\n")],
  ["an SSH server", () => speaking("SSH-2.0-dropbear\r\n")],
  ["a MySQL or MariaDB server", () => speaking(mysqlGreeting("8.4.0"))],
  ["a MySQL or MariaDB server", () => speaking(mysqlGreeting("11.4.2-MariaDB"))],
  ["a MySQL or MariaDB server", () => speaking(Buffer.from("\x45\0\0\0\xffj\x04Host is blocked", "latin1"))],
  ["a Redis server", () => redis("-ERR unknown command 'HEAD'\r\n")],
  ["a Redis server", () => redis("-NOAUTH Authentication required.\r\n")],
  [
    "a MongoDB server",
    () => speaking("", (text) => (text.startsWith("HEAD") ? "It looks like MongoDB over HTTP" : undefined))
  ],
  ["another service", () => speaking("", (text) => (text.startsWith("HEAD") ? undefined : "What is this?\r\n"))],
  ["a mail or FTP server", () => speaking("220 mail.example.com ESMTP\r\n")]
]

const login = (port: number, mode: string, timeout = 800) =>
  Effect.map(
    runDoctor({
      url: `postgresql://app:s3cr3t-CANARY@127.0.0.1:${port}/app?sslmode=${mode}`,
      env: { DB_CONNECTION_TYPE: "direct" },
      only: ["login"],
      timeout
    }),
    ({ results }) => results.find(({ status }) => status === "fail")
  )

describe("the doctor at a server that is not PostgreSQL", () => {
  for (const [index, [name, make]] of servers.entries()) {
    for (const mode of name === "another service" ? ["disable"] : ["disable", "require"]) {
      it.live(
        `recognizes ${name} with sslmode ${mode} (${index})`,
        () =>
          Effect.gen(function* () {
            const failed = yield* login(yield* listening(make()), mode)
            assert.include(failed?.details, `this is not PostgreSQL: ${name} answers`)
            assert.include(failed?.action?.text, "Check host and port")
          }),
        timed
      )
    }
  }

  it.live(
    "recognizes a server that expects TLS at once",
    () =>
      Effect.gen(function* () {
        const authority = makeAuthority()
        if (authority === undefined) return
        const leaf = authority.sign()
        authority.dispose()
        for (const options of [leaf, { ...leaf, ALPNProtocols: ["http/1.1"] }, { ...leaf, maxVersion: "TLSv1.2" }]) {
          const server = Tls.createServer(options as Tls.TlsOptions)
          server.on("tlsClientError", () => {})
          const port = yield* listening(server)
          for (const mode of ["disable", "require"]) {
            const failed = yield* login(port, mode)
            assert.include(failed?.details, "a server that expects TLS at once answers", mode)
          }
        }
      }),
    timed
  )

  it.live(
    "keeps the reason of a server that refuses as PostgreSQL does, and of one that is silent",
    () =>
      Effect.gen(function* () {
        const refusing = yield* cannedServer(fatalAnswer("28P01", 'password authentication failed for user "app"'))
        assert.include((yield* login(refusing, "disable"))?.details, "28P01")
        const plain = yield* cannedServer(Buffer.from("N"))
        assert.notInclude((yield* login(plain, "require"))?.details, "not PostgreSQL")
        const silent = yield* login(yield* listening(speaking("")), "disable")
        assert.include(silent?.details, "ETIMEDOUT")
      }),
    timed
  )
})
