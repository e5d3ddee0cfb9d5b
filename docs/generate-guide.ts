/** Runs every program and command of the guide, and updates the output below them. */
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { TestPostgres } from "../src/testing/TestPostgres.ts"
import { examplesOf, guideDirectory, pageNames, withOutputs } from "../test/docs/GuidePages.ts"
import { outputsOf } from "../test/docs/GuideStage.ts"

const freshPage = Effect.fnUntraced(function* (page: string) {
  writeFileSync(new URL(page, guideDirectory), withOutputs(page, yield* outputsOf(examplesOf(page))))
})

if (import.meta.main) {
  await Effect.runPromise(
    Effect.forEach(pageNames, freshPage, { discard: true }).pipe(Effect.provide(TestPostgres.layer))
  )
}
