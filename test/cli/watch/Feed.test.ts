import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { client } from "../../../src/cli/status/StatusClient.ts"
import { type FeedMessage, follow } from "../../../src/cli/watch/Feed.ts"
import { scriptedProgram, type ScriptedProgram } from "../status/ScriptedProgram.ts"
import { helloFixture } from "../../page/ScriptedFeed.ts"
import { idleStatus } from "../status/Statuses.ts"

const DEADLINE = Duration.seconds(3)

const followed = Effect.fnUntraced(function* (program: ScriptedProgram) {
  const messages = yield* Queue.unbounded<FeedMessage>()
  const address = { base: program.base, given: true, token: undefined }
  const fiber = yield* follow(address, DEADLINE, (message) => Queue.offer(messages, message)).pipe(
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
  it.live("passes on every kind of message in order, and skips unknown kinds", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const { next } = yield* followed(program)
      yield* next("hello")
      const greeted = yield* next("status")
      assert.deepNestedInclude(greeted, { "data.version": "9.9.9" })
      program.send({ event: "of a later version", data: 1 })
      program.send({ event: "event", data: { at: 1, tag: "X", level: "info", text: "a\u001B[2Jb" } })
      assert.deepStrictEqual(yield* next("event"), {
        kind: "event",
        data: { at: 1, tag: "X", level: "info", text: "a [2Jb" }
      })
    })
  )

  it.live("reconnects after the program was stopped, with a new history", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const { next } = yield* followed(program)
      yield* next("status")
      yield* program.stop
      yield* next("disconnected")
      program.greeting = [
        { event: "hello", data: helloFixture({ stepMillis: 500 }) },
        { event: "status", data: idleStatus }
      ]
      yield* program.start
      assert.deepNestedInclude(yield* next("hello"), { "data.stepMillis": 500 })
    })
  )

  it.live("passes on `bye` of a program that ends, and then the loss", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const { next } = yield* followed(program)
      yield* next("status")
      program.send({ event: "bye", data: { reason: "shutdown" } })
      assert.deepStrictEqual(yield* next("bye"), { kind: "bye", data: { reason: "shutdown" } })
      yield* program.stop
      yield* next("disconnected")
    })
  )

  it.live("fails when the first attempt reaches no program, or another one", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.greeting = [{ event: "status", data: { pool: "full" } }]
      assert.match(
        (yield* failureOf(program)).message,
        /no effect-supavisor of this version: its "status" has an unexpected form/
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

  it.live("fails when the program denies access after a reconnect", () =>
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
      assert.match(String(failure), /requires a token \(401\)/)
    })
  )
})
