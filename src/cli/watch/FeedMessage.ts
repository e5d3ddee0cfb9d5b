/** What `/events` tells, as far as it is shown here; of another version it may tell more. */
import * as Schema from "effect/Schema"
import { StatusBody } from "../status/StatusBody.ts"

const Measured = Schema.NullOr(Schema.Number)

const Point = Schema.Struct({
  used: Schema.Number,
  waiting: Schema.Number,
  max: Schema.Number,
  waitP95: Measured,
  queryP95: Measured,
  queries: Schema.Number
})

/** The pool in one step of time. */
export type Point = typeof Point.Type

const ShownEvent = Schema.Struct({ at: Schema.Number, level: Schema.String, text: Schema.String })

/** One thing that happened; `at` is wall-clock milliseconds. */
export type ShownEvent = typeof ShownEvent.Type

const Hello = Schema.Struct({
  stepMillis: Schema.Number,
  history: Schema.Array(Point),
  events: Schema.Array(ShownEvent)
})

/** What each kind of message holds. */
export const messageSchemas = {
  hello: Hello,
  status: StatusBody,
  point: Point,
  event: ShownEvent,
  bye: Schema.Struct({ reason: Schema.String })
} as const

export type FeedMessage =
  | { readonly kind: "hello"; readonly data: typeof Hello.Type }
  | { readonly kind: "status"; readonly data: StatusBody }
  | { readonly kind: "point"; readonly data: Point }
  | { readonly kind: "event"; readonly data: ShownEvent }
  | { readonly kind: "bye"; readonly data: { readonly reason: string } }
  /** Made here: the stream ended, and is tried again. */
  | { readonly kind: "lost"; readonly data: { readonly why: string } }
