import { defineConfig } from "vitest/config"

/** A test that needs a real server may wait for one; half a minute is far beyond any of them when nothing is wrong. */
const TEST_TIMEOUT_MILLIS = 30_000

/** Hooks start PostgreSQL: `initdb` on a loaded machine with two cores takes several seconds, never a minute. */
const HOOK_TIMEOUT_MILLIS = 60_000

/** Every worker may run a PostgreSQL of its own; more than two of them starve each other on two cores. */
const MAX_WORKERS = 2

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    reporters: ["default"],
    testTimeout: TEST_TIMEOUT_MILLIS,
    hookTimeout: HOOK_TIMEOUT_MILLIS,
    maxWorkers: MAX_WORKERS
  }
})
