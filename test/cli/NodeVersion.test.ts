import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { versionProblem } from "../../src/cli/NodeVersion.ts"

const manifest: { readonly engines: { readonly node: string } } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8")
)

describe("a Node that is too old for the program", () => {
  it("names the required version, the one in package.json", () => {
    const least = manifest.engines.node.replace(">=", "")
    assert.isUndefined(versionProblem(least))
    for (const version of ["22.20.1", "23.0.0", "24.21.0", "100.0.0"]) assert.isUndefined(versionProblem(version))
    for (const version of ["18.20.4", "20.20.2", "22.18.9"]) {
      const refusal = versionProblem(version) ?? assert.fail(`Node ${version} was accepted`)
      assert.include(refusal, `Node ${version}`)
      assert.include(refusal, `Node ${least.replace(/\.0$/, "")}`)
    }
  })
})
