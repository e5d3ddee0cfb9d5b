/** The messages of `/events` as bytes: Server-Sent Events (WHATWG HTML, server-sent events). */
import * as Duration from "effect/Duration"
import * as Sse from "effect/encoding/Sse"

/** How soon a browser tries again when the stream broke, in milliseconds: a restart is over in about a second. */
const RETRY_MILLIS = 1000

/** Each name with what it carries: docs/operations-page.md shows them at work. */
export type MessageName = "hello" | "status" | "point" | "event" | "bye"

const encoder = new TextEncoder()

/** One message, with a value that becomes JSON. */
export const message = (name: MessageName, value: unknown): Uint8Array =>
  encoder.encode(Sse.encoder.write({ _tag: "Event", event: name, id: undefined, data: JSON.stringify(value) }))

/** Says how soon to try again. */
export const retry: Uint8Array = encoder.encode(
  Sse.encoder.write(new Sse.Retry({ duration: Duration.millis(RETRY_MILLIS), lastEventId: undefined }))
)

/** A comment, which readers ignore: it keeps whatever stands in between from taking the stream for dead. */
export const heartbeat: Uint8Array = encoder.encode(": still here\n\n")
