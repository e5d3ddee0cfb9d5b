import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { settingsTable } from "../src/services/config/settings/Variables.ts"

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")

describe("the README", () => {
  it("lists the settings that the code reads", () => {
    assert.include(read("README.md"), settingsTable().trim())
  })

  it("shows the quick start that is compiled with the examples", () => {
    const example = read("examples/quick-start/main.ts").trim()
    const shown = example.replace("../../src/layers/SupavisorLayer.ts", "effect-supavisor/SupavisorLayer")
    assert.include(read("README.md"), shown)
  })

  it("links only to existing files", () => {
    const links = Array.from(read("README.md").matchAll(/\]\((?!https?:)([^)#]+)\)/g), ([, path]) => path!)
    assert.isNotEmpty(links)
    for (const path of links) assert.isTrue(existsSync(new URL(`../${path}`, import.meta.url)), path)
  })
})
