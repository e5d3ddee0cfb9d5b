import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { blocksOf, comparable, type Example, examplesOf, pageNames } from "./GuidePages.ts"
import { outputsOf, typeErrorsOf } from "./GuideStage.ts"

const examples = pageNames.flatMap(examplesOf)

/** The output of an example on the page. */
const shownBy = ({ language, printed, text }: Example): string =>
  language === "console" ? text.slice(text.indexOf("\n")) : (printed?.text ?? "")

const statementsIn = (sql: string): ReadonlyArray<string> =>
  sql
    .replaceAll(/^--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "")

describe("the guide's programs", () => {
  it.effect("satisfy the compiler", () =>
    Effect.gen(function* () {
      const programs = examples.filter(({ language }) => language === "ts")
      assert.isNotEmpty(programs)
      assert.strictEqual(yield* typeErrorsOf(programs), "")
    })
  )
})

layer(TestPostgres.layer, { excludeTestServices: true })("the guide", (it) => {
  it.effect(
    "shows the output of its programs and commands; if not, run node docs/generate-guide.ts and review the changes",
    () =>
      Effect.gen(function* () {
        const outputs = yield* outputsOf(examples)
        for (const [at, example] of examples.entries()) {
          assert.strictEqual(comparable(outputs[at]!), comparable(shownBy(example)), `${example.page}:${example.line}`)
        }
      })
  )

  it.effect("has SQL that PostgreSQL accepts", () =>
    Effect.gen(function* () {
      const { admin } = yield* TestPostgres
      const blocks = pageNames.flatMap(blocksOf).filter(({ language }) => language === "sql")
      assert.isNotEmpty(blocks)
      for (const { line, page, text } of blocks) {
        for (const statement of statementsIn(text)) {
          yield* Effect.catch(admin(statement), (error) =>
            Effect.die(new Error(`${page}:${line}: ${statement}`, { cause: error }))
          )
        }
      }
    })
  )
})
