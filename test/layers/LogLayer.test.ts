import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestConsole from "effect/testing/TestConsole"
import * as LogLayer from "../../src/layers/LogLayer.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"

const lines = (logged: Effect.Effect<void>, coloured: boolean) => {
  const written: Array<string> = []
  const logger = Logger.map(LogLayer.formatLine(coloured), (line) => written.push(line))
  return Effect.as(Effect.provide(logged, Logger.layer([logger])), written)
}

describe("LogLayer", () => {
  it.effect("writes one plain line per record, with unambiguous annotations", () =>
    Effect.gen(function* () {
      const logged = Effect.annotateLogs(Effect.logWarning("two lost"), { code: "ECONNRESET", why: "a b" })
      assert.deepStrictEqual(yield* lines(logged, false), [
        '1970-01-01T00:00:00.000Z WARN  two lost code=ECONNRESET why="a b"'
      ])
    })
  )

  it.effect("sets the further lines of a record off, and shows the cause of a failure", () =>
    Effect.gen(function* () {
      const [plain = ""] = yield* lines(Effect.logInfo("one\ntwo"), false)
      assert.strictEqual(plain, "1970-01-01T00:00:00.000Z INFO  one\n  two")
      const crash = Effect.catchCause(Effect.die(new Error("broken")), (cause) => Effect.logError("crashed", cause))
      const [line = ""] = yield* lines(crash, false)
      assert.match(line, /ERROR crashed\n {2}.*broken/)
    })
  )

  it.effect("colours the level for a terminal, and only then", () =>
    Effect.gen(function* () {
      const [coloured = ""] = yield* lines(Effect.logInfo("hello"), true)
      assert.include(coloured, "\u001B[32mINFO \u001B[0m")
      const [plain = ""] = yield* lines(Effect.logInfo("hello"), false)
      assert.notInclude(plain, "\u001B")
    })
  )

  it.effect("writes JSON to stderr with LOG_FORMAT=json, and nothing to stdout", () =>
    Effect.gen(function* () {
      const config = SessionConfig.layer({ logFormat: "json" })
      const logged = Effect.annotateLogs(Effect.logInfo("hello"), { pool: "p" })
      yield* Effect.provide(logged, LogLayer.layer.pipe(Layer.provide(config)))
      const [line = ""] = (yield* TestConsole.errorLines) as ReadonlyArray<string>
      assert.deepInclude(JSON.parse(line), { level: "INFO", message: "hello", annotations: { pool: "p" } })
      assert.deepStrictEqual(yield* TestConsole.logLines, [])
    })
  )
})
