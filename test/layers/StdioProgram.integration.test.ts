import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import * as Path from "node:path"
import { promisify } from "node:util"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"

const program = Path.join(import.meta.dirname, "StdioProgram.ts")

const run = (extra: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const { url } = yield* TestPostgres
    const env = { PATH: process.env["PATH"], NO_COLOR: "1", STDIO_URL: Redacted.value(url), ...extra }
    return yield* Effect.promise(() => promisify(execFile)(process.execPath, [program], { env }))
  })

layer(TestPostgres.layer, { excludeTestServices: true })("a program whose stdout carries a protocol", (it) => {
  it.effect("gets nothing of the library on stdout while the pool opens, works, loses its sessions and drains", () =>
    Effect.gen(function* () {
      const { stderr, stdout } = yield* run()
      assert.strictEqual(stdout, "")
      assert.match(stderr, /^used$/m)
      assert.match(stderr, /WARN.*sessions? lost/)
    })
  )

  it.effect("gets no line about normal operation from the library, whatever its logger", () =>
    Effect.gen(function* () {
      const { stderr, stdout } = yield* run({ STDIO_DEFAULT_LOGGER: "1" })
      assert.notMatch(stdout + stderr, /pool \(|Draining|Drained|Health: (starting|draining)/)
      assert.match(stdout, /WARN.*sessions? lost/)
    })
  )
})
