import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { openStream } from "../http/EventStream.ts"
import { get, mainFile, start } from "./RunningProgram.ts"
import { timed } from "../Timing.ts"

/** Bound of the shutdown of a program with only the demonstration load, database included. */
const PROMPT_MILLIS = 3000

const startWith = (env: Readonly<Record<string, string>>, ...flags: ReadonlyArray<string>) =>
  start({ command: [process.execPath, mainFile, ...flags], env: { HTTP_TOKEN: "correct-horse-battery", ...env } })

const statusOf = (address: string) =>
  Effect.map(
    Effect.promise(() => get(`${address}/status`)),
    ({ body }): Record<string, unknown> => JSON.parse(body)
  )

describe("The demonstration", () => {
  it.live(
    "runs without any configuration, is logged, shows on the page's feed, and ends first without errors",
    () =>
      Effect.gen(function* () {
        const program = yield* startWith({})
        const address = yield* program.address
        const [, page] = yield* program.printed(/Page at (\S+)\n/)
        assert.strictEqual(page, `${address}/`)
        yield* program.printed(/INFO +A small demonstration load runs on the embedded database.*--no-demo/)
        const stream = yield* openStream(address)
        assert.strictEqual((yield* stream.message("hello")).data["demo"], true)
        yield* stream.message("status", ({ sessions }) => JSON.stringify(sessions).includes('"holder":"demo '))
        yield* stream.message("point", ({ queries }) => Number(queries) > 5)
        const sent = performance.now()
        program.child.kill("SIGTERM")
        const { at, outcome } = yield* program.ended
        assert.strictEqual(outcome, 0, program.output())
        assert.isBelow(at - sent, PROMPT_MILLIS + program.startMillis())
        assert.notMatch(program.output(), /WARN|ERROR/)
        assert.notInclude(`${program.output()}${stream.raw()}`, "correct-horse-battery")
        // No caller waits any more; a session may still be reset after its statement was cancelled.
        assert.match(program.output(), /Draining: \d sessions? in use, 0 waiting\./)
        assert.match(program.output(), /Drained in \d+ ms, 0 sessions cancelled\./)
        assert.deepStrictEqual(stream.messages.at(-1)?.name, "bye")
      }).pipe(Effect.scoped),
    timed
  )

  it.live("is switched off by --no-demo", () =>
    Effect.gen(function* () {
      const program = yield* startWith({}, "--no-demo")
      const status = yield* statusOf(yield* program.address)
      assert.strictEqual(status["demo"], false)
      assert.notInclude(program.output(), "demonstration")
      program.child.kill("SIGTERM")
      assert.strictEqual((yield* program.ended).outcome, 0, program.output())
    }).pipe(Effect.scoped)
  )

  it.live("is switched off the same way for the command by its name", () =>
    Effect.gen(function* () {
      // It gets as far as the settings: the flag was understood.
      const program = yield* startWith({ DB_POOL_MAX: "none" }, "serve", "--no-demo")
      assert.strictEqual((yield* program.ended).outcome, 2, program.output())
    }).pipe(Effect.scoped)
  )
})
