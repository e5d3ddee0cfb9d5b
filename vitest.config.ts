import { configDefaults, defineConfig } from "vitest/config"

/** The bound on a test that hangs, on a machine with other work; a test that is only slow never reaches it. */
export const TEST_TIMEOUT_MILLIS = 180_000

/** Hooks start servers and build the package. */
export const HOOK_TIMEOUT_MILLIS = 300_000

/** Tests wait for timers and servers more than they compute: three workers keep two cores busy. */
const MAX_WORKERS = 3

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "**/*.slow.test.ts"],
    reporters: ["default"],
    testTimeout: TEST_TIMEOUT_MILLIS,
    hookTimeout: HOOK_TIMEOUT_MILLIS,
    // Files share a worker and the modules it has loaded: evaluating those for every file took twice as long as the tests.
    isolate: false,
    maxWorkers: MAX_WORKERS
  }
})
