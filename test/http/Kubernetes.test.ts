import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { paths } from "../../src/http/Routes.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { settingsTable } from "../../src/services/config/settings/Variables.ts"

const paper = readFileSync(new URL("../../docs/kubernetes.md", import.meta.url), "utf8")

const numberOf = (pattern: RegExp): number => Number(pattern.exec(paper)?.[1])

const all = (pattern: RegExp): ReadonlyArray<string> =>
  Array.from(paper.matchAll(pattern), ([, found = ""]) => found).toSorted()

describe("docs/kubernetes.md", () => {
  it("probes paths that are answered", () => {
    const probed = all(/path: (\/\w+)/g)
    assert.deepStrictEqual(probed, ["/livez", "/readyz", "/startupz"])
    for (const path of probed) assert.property(paths, path)
  })

  it("names variables that are read", () => {
    const named = all(/- name: ([A-Z_]+)/g)
    assert.isAbove(named.length, 3)
    for (const name of named) assert.include(settingsTable(), `\`${name}\``)
  })

  it.effect("gives a grace period in which the pause before and the whole drain fit", () =>
    Effect.gen(function* () {
      const { http, shutdownTimeout } = yield* SessionConfig
      const grace = numberOf(/terminationGracePeriodSeconds: (\d+)/)
      assert.isAtLeast(grace, numberOf(/sleep: \{ seconds: (\d+) \}/) + Duration.toSeconds(shutdownTimeout) + 3)
      assert.strictEqual(numberOf(/value: (\d+)s/), Duration.toSeconds(shutdownTimeout))
      assert.strictEqual(numberOf(/containerPort: (\d+)/), http.port)
    }).pipe(Effect.provide(SessionConfig.layer({})))
  )
})
