import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/chaos/*.chaos.ts"],
    reporters: ["default"],
    // The memory that a storm leaves behind is measured after a collection.
    execArgv: ["--expose-gc"]
  }
})
