import { defineConfig } from "vitest/config"
import { HOOK_TIMEOUT_MILLIS, TEST_TIMEOUT_MILLIS } from "./vitest.config.ts"

/** One core for the soak, which computes; one for the others, which mostly wait. */
const MAX_WORKERS = 2

export default defineConfig({
  test: {
    include: ["test/**/*.slow.test.ts", "test/soak/*.test.ts"],
    reporters: ["default"],
    env: { SOAK_SEEDS: process.env["SOAK_SEEDS"] ?? "10000" },
    testTimeout: TEST_TIMEOUT_MILLIS,
    hookTimeout: HOOK_TIMEOUT_MILLIS,
    maxWorkers: MAX_WORKERS,
    // Chaos measures the memory that a storm leaves behind, after a collection.
    execArgv: ["--expose-gc"]
  }
})
