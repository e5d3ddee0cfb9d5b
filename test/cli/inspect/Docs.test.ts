import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { renderInspect } from "../../../docs/generate-inspect.ts"
import { checks } from "../../../src/services/inspect/checks/AllChecks.ts"
import { checkIds } from "../../../src/services/inspect/checks/CheckTitles.ts"

describe("The page of inspect", () => {
  it("is the same as docs/inspect.md; if not, run node docs/generate-inspect.ts", () => {
    assert.strictEqual(readFileSync(new URL("../../../docs/inspect.md", import.meta.url), "utf8"), renderInspect())
  })

  it("lists the checks of the commands, in the same order", () => {
    assert.deepStrictEqual(
      checks.map(({ id }) => id),
      checkIds
    )
  })
})
