/** A program that runs out of file descriptors and gets them back, in a process of its own. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { closeSync, openSync } from "node:fs"
import { poolAt, untilPool } from "../PoolHarness.ts"

const program = Effect.gen(function* () {
  const { pool, sql } = yield* poolAt({ url: process.env["DATABASE_URL"] ?? "", startup: "lazy", pool: { min: 0 } })
  const taken: Array<number> = []
  try {
    for (;;) taken.push(openSync(import.meta.filename, "r"))
  } catch {
    // No descriptor is left, as intended.
  }
  const caller = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
  yield* untilPool(pool, "a dial failed", (s) => s.lastFailure !== undefined)
  const { counters, lastFailure } = yield* pool.snapshot
  for (const descriptor of taken) closeSync(descriptor)
  const failed = Object.entries(counters.dialsFailed).find(([, times]) => times > 0)
  console.log(lastFailure?.code, failed?.[0])
  const rows = yield* Fiber.join(caller)
  console.log(rows[0]?.["one"])
})

await Effect.runPromise(Effect.scoped(program))
