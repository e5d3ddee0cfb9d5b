import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { FaultMode, FaultProxy } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { eventually, get, start } from "../cli/RunningProgram.ts"

const probes = ["/livez", "/startupz", "/readyz"] as const

layer(TestPostgres.layer, { excludeTestServices: true })("The probes of a program", (it) => {
  it.effect("report a database that is not up yet, up, and gone, while the program keeps running", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const proxy = yield* FaultProxy.make({
        target: { host: postgres.host, port: postgres.port },
        mode: FaultMode.refuse
      })
      const program = yield* start({ env: { DATABASE_URL: Redacted.value(proxy.urlThrough(postgres.url)) } })
      const address = yield* program.address
      const statuses = (wanted: ReadonlyArray<number>) =>
        eventually(`statuses ${wanted.join(" ")}`, async () => {
          const answers = await Promise.all(probes.map((path) => get(address + path)))
          return answers.every(({ status }, at) => status === wanted[at]) ? answers : undefined
        })
      const [, startup] = yield* statuses([200, 503, 503])
      assert.include(startup?.body, "not ready")
      yield* proxy.setMode(FaultMode.pass)
      yield* statuses([200, 200, 200])
      yield* proxy.setMode(FaultMode.refuse, { existing: false })
      yield* proxy.cutAll("reset")
      const [, , gone] = yield* statuses([200, 200, 503])
      assert.match(gone?.body ?? "", /^not ready: .*127\.0\.0\.1/)
      yield* proxy.setMode(FaultMode.pass)
      yield* statuses([200, 200, 200])
      program.child.kill("SIGTERM")
      assert.strictEqual((yield* program.ended).outcome, 0, program.output())
      assert.match(program.output(), /WARN +Health: down: /)
      assert.strictEqual(program.output().match(/Health: draining/g)?.length, 1)
    })
  )
})
