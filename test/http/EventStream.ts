/** A reader of `/events`, as a browser is one: messages in order, how the stream began and how it ended. */
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { eventually } from "../cli/RunningProgram.ts"

export interface Message {
  readonly name: string
  readonly data: Record<string, unknown>
}

export interface EventStream {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  /** All that was sent so far, as text. */
  readonly raw: () => string
  readonly messages: ReadonlyArray<Message>
  /** Waits for the first message of a name that meets the condition. */
  readonly message: (name: string, wanted?: (data: Message["data"]) => boolean) => Effect.Effect<Message>
  /** Waits for the end: true when the server ended the stream properly, false when it was cut. */
  readonly ended: Effect.Effect<boolean>
  /** Stops reading, so that the other side's buffers fill. */
  readonly pause: () => void
}

/** Connects, and leaves when the scope closes. */
export const openStream = (
  address: string,
  headers: Readonly<Record<string, string>> = {}
): Effect.Effect<EventStream, never, Scope.Scope> =>
  Effect.gen(function* () {
    const messages: Array<Message> = []
    let raw = ""
    let ending: boolean | undefined
    const parser = Sse.makeParser((event) => {
      if (event._tag === "Event") messages.push({ name: event.event, data: JSON.parse(event.data) })
    })
    const response = yield* Effect.acquireRelease(
      Effect.callback<Http.IncomingMessage>((resume) => {
        Http.get(`${address}/events`, { headers, agent: false }, (answer) => resume(Effect.succeed(answer)))
      }),
      (answer) => Effect.sync(() => answer.destroy())
    )
    response.setEncoding("utf8")
    response.on("data", (text: string) => {
      raw += text
      if (response.headers["content-type"]?.startsWith("text/event-stream")) parser.feed(text)
    })
    response.on("error", () => {})
    response.on("close", () => (ending = response.complete))
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      raw: () => raw,
      messages,
      message: (name, wanted = () => true) =>
        eventually(`message ${name}`, () => messages.find((one) => one.name === name && wanted(one.data))),
      ended: eventually("the end of the stream", () => ending),
      pause: () => void response.pause()
    }
  })
