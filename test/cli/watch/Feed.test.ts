import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { client } from "../../../src/cli/status/StatusClient.ts"
import { follow } from "../../../src/cli/watch/Feed.ts"
import type { FeedMessage } from "../../../src/cli/watch/FeedMessage.ts"
import { scriptedProgram, type ScriptedProgram } from "../status/ScriptedProgram.ts"
import { idleStatus } from "../status/Statuses.ts"

const DEADLINE = Duration.seconds(3)

const followed = Effect.fnUntraced(function* (program: ScriptedProgram) {
  const messages = yield* Queue.unbounded<FeedMessage>()
  const target = { base: program.base, given: true, token: undefined }
  const fiber = yield* follow(target, DEADLINE, (message) => Queue.offer(messages, message)).pipe(
    Effect.provide(client),
    Effect.forkScoped
  )
  /** Waits for the next message of a kind, and drops those before it. */
  const next = (kind: FeedMessage["kind"]) =>
    Queue.take(messages).pipe(Effect.repeat({ until: (message) => message.kind === kind }), Effect.timeout("2 minutes"))
  return { fiber, next }
})

const failureOf = (program: ScriptedProgram) =>
  follow({ base: program.base, given: true, token: undefined }, DEADLINE, () => Effect.void).pipe(
    Effect.provide(client),
    Effect.flip,
    Effect.timeout("2 minutes")
  )

describe("the feed", () => {
  it.live("tells every kind of message, in its order, and passes over what it does not know", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const { next } = yield* followed(program)
      yield* next("hello")
      const greeted = yield* next("status")
      assert.deepNestedInclude(greeted, { "data.version": "9.9.9" })
      program.send({ event: "of a later version", data: 1 })
      program.send({ event: "event", data: { at: 1, tag: "X", level: "info", text: "a\u001B[2Jb" } })
      assert.deepStrictEqual(yield* next("event"), { kind: "event", data: { at: 1, level: "info", text: "a [2Jb" } })
    })
  )

  it.live("comes back by itself after the program was gone, with the history of then", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const { next } = yield* followed(program)
      yield* next("status")
      yield* program.stop
      yield* next("lost")
      program.greeting = [
        { event: "hello", data: { stepMillis: 500, history: [], events: [] } },
        { event: "status", data: idleStatus }
      ]
      yield* program.start
      assert.deepNestedInclude(yield* next("hello"), { "data.stepMillis": 500 })
    })
  )

  it.live("tells the farewell of a program that ends, and then its loss", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const { next } = yield* followed(program)
      yield* next("status")
      program.send({ event: "bye", data: { reason: "shutdown" } })
      assert.deepStrictEqual(yield* next("bye"), { kind: "bye", data: { reason: "shutdown" } })
      yield* program.stop
      yield* next("lost")
    })
  )

  it.live("fails at once when the first attempt reaches nobody, or somebody else", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.greeting = [{ event: "status", data: { pool: "full" } }]
      assert.match(
        (yield* failureOf(program)).message,
        /no effect-supavisor of this version: its "status" cannot be read/
      )
      program.answer = (_, response) => {
        response.writeHead(404).end()
        return true
      }
      assert.match((yield* failureOf(program)).message, /it answers 404/)
      yield* program.stop
      assert.match((yield* failureOf(program)).message, /^No program answers at .*ECONNREFUSED/)
    })
  )

  it.live("fails when it comes back and is not let in any more", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const { fiber, next } = yield* followed(program)
      yield* next("status")
      program.answer = (_, response) => {
        response.writeHead(401).end()
        return true
      }
      yield* program.stop
      yield* program.start
      const failure = yield* Effect.flip(Effect.timeout(Fiber.join(fiber), "2 minutes"))
      assert.match(String(failure), /wants a token \(401\)/)
    })
  )
})
