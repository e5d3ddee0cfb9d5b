/** Prometheus' own checker, for tests of our metrics and alerts. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"

/** Set by .ci/run to the programs that CI needs, so that CI skips no test for lack of one. */
const REQUIRED = (process.env["CI_REQUIRE"] ?? "").split(",").includes("promtool")

const MISSING = "promtool is not installed (on Debian: apt-get install prometheus)"

/** It reads a few kilobytes; on a loaded machine it takes a second to start. */
const PATIENCE_MILLIS = 120_000

const isInstalled = spawnSync("promtool", ["--version"], { timeout: PATIENCE_MILLIS }).status === 0

/** Fails with promtool's output unless it is empty. */
export const promtool = (parameters: ReadonlyArray<string>, input = ""): void => {
  const { output, status } = spawnSync("promtool", parameters, { input, encoding: "utf8", timeout: PATIENCE_MILLIS })
  assert.strictEqual(status, 0, output.join("\n"))
}

/** Tests that need promtool: skipped with the reason without it, or failed where it is a must. */
export const withPromtool = (name: string, tests: () => void): void => {
  describe(name, () => {
    if (isInstalled) return tests()
    if (REQUIRED) return it("needs promtool", () => assert.fail(MISSING))
    console.warn(`Skipped "${name}": ${MISSING}`)
    return it.skip(MISSING, () => {})
  })
}
