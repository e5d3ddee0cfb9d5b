/** An operations server whose `/status` and `/events` are controlled by a test. */
import * as Effect from "effect/Effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { helloFixture } from "../../page/ScriptedFeed.ts"
import { busyStatus } from "./Statuses.ts"

/** A message of the feed. */
export interface Sent {
  readonly event: string
  readonly data: unknown
}

export interface ScriptedProgram {
  readonly base: string
  /** The body of `/status`. */
  status: unknown
  /** The first messages of every new stream. */
  greeting: ReadonlyArray<Sent>
  /** Handles a request itself when it returns true. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Every request so far. */
  readonly requests: ReadonlyArray<IncomingMessage>
  /** Sends to every open stream. */
  readonly send: (message: Sent) => void
  /** Ends every open stream, and refuses connections until `start`. */
  readonly stop: Effect.Effect<void>
  /** Listens again, on the same port. */
  readonly start: Effect.Effect<void>
}

const written = ({ data, event }: Sent): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

const listen = (server: Server, port: number) =>
  Effect.callback<void>((resume) => {
    server.listen(port, "127.0.0.1", () => resume(Effect.void))
  })

const close = (server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/** A busy program, until the test changes it. */
export const scriptedProgram = Effect.gen(function* () {
  const streams = new Set<ServerResponse>()
  const requests: Array<IncomingMessage> = []
  const server = createServer((request, response) => {
    requests.push(request)
    if (program.answer(request, response)) return
    if (request.url === "/status") {
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify(program.status))
    } else if (request.url === "/events") {
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.write("retry: 1000\n\n: heartbeat\n\n")
      for (const message of program.greeting) response.write(written(message))
      streams.add(response)
      response.on("close", () => streams.delete(response))
    } else {
      response.writeHead(404).end("There is no such path.\n")
    }
  })
  yield* Effect.acquireRelease(listen(server, 0), () => close(server))
  const { port } = server.address() as AddressInfo
  const program: ScriptedProgram = {
    base: `http://127.0.0.1:${port}`,
    status: busyStatus,
    greeting: [
      { event: "hello", data: helloFixture({ version: "9.9.9" }) },
      { event: "status", data: busyStatus }
    ],
    answer: () => false,
    requests,
    send: (message) => {
      for (const stream of streams) stream.write(written(message))
    },
    stop: Effect.suspend(() => {
      for (const stream of streams) stream.destroy()
      return close(server)
    }),
    start: listen(server, port)
  }
  return program
})
