import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { comparable, freshPage, pagePath } from "../../docs/generate-cli.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("docs/cli.md", (it) => {
  it.effect("shows the output of every command; if not, run node docs/generate-cli.ts and review the changes", () =>
    Effect.gen(function* () {
      const fresh = yield* freshPage
      assert.strictEqual(comparable(fresh), comparable(Fs.readFileSync(pagePath, "utf8")))
    })
  )
})
