import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type InspectOptions, Inspector, InspectorError } from "../../../../src/services/inspect/Inspector.ts"
import { SessionConfig } from "../../../../src/services/config/SessionConfig.ts"
import { Dial, ScriptedSessions, serverError } from "../../../../src/testing/ScriptedSessions.ts"
import type { Answer } from "../../../../src/testing/ScriptedSessions.ts"
import { factsOf } from "./CheckInput.ts"

const activityRow = {
  owner: "ours",
  role: "postgres",
  application: "effect-supavisor",
  state: "idle",
  connections: 2,
  waitingOnLock: 0,
  longestMillis: 5
}

/** An inspector with a scripted answer to a check. */
const scripted = (activity: Answer, options: Parameters<typeof ScriptedSessions.layer>[0] = {}) =>
  Inspector.layerNoDeps.pipe(
    Layer.provideMerge(
      ScriptedSessions.layer({
        statements: [
          [/set_config/, [{}]],
          [/as facts/, [{ facts: JSON.stringify(factsOf()) }]],
          [/"waitingOnLock"/, activity]
        ],
        ...options
      })
    ),
    Layer.provide(
      SessionConfig.layer({ host: "db.example.com", database: "postgres", connectionType: "direct", username: "u" })
    )
  )

const inspect = (options?: InspectOptions) =>
  Effect.flatMap(Inspector, (inspector) => inspector.inspect(["activity"], options))

describe("An inspector", () => {
  it.effect("runs checks in read-only transactions with a timeout, and closes the session", () =>
    Effect.gen(function* () {
      const [found] = yield* inspect({ timeout: "3 seconds" })
      assert.deepStrictEqual(found?.rows, [activityRow])
      const { open, statements } = yield* ScriptedSessions
      assert.deepStrictEqual(
        statements.map(({ params, sql }) => (/^(begin|commit)/i.test(sql) ? sql.toLowerCase() : [...params].join(" "))),
        ["begin read only", "3000 500", "", "commit", "begin read only", "3000 500", "effect-supavisor", "commit"]
      )
      assert.strictEqual(open.size, 0)
    }).pipe(Effect.provide(scripted([{ rows: JSON.stringify([activityRow]) }])))
  )

  it.effect("returns a result for a failed check", () =>
    Effect.gen(function* () {
      const [found] = yield* inspect()
      assert.deepInclude(found, {
        status: "failed",
        reason: "The query exceeded its time limit of 10 s.",
        rows: [],
        empty: null
      })
    }).pipe(Effect.provide(scripted(serverError("57014", "canceling statement due to statement timeout"))))
  )

  it.effect("refuses rows that do not follow the schema", () =>
    Effect.gen(function* () {
      const [found] = yield* inspect()
      assert.match(found?.reason ?? "", /does not match its schema/)
    }).pipe(Effect.provide(scripted([{ rows: '[{"owner":7}]' }])))
  )

  it.effect("fails when the session cannot be used after a failed check", () =>
    Effect.gen(function* () {
      assert.instanceOf(yield* Effect.flip(inspect()), InspectorError)
    }).pipe(Effect.provide(scripted([{ rows: "no JSON" }], { dials: Dial.succeeds(0, { recovers: false }) })))
  )
})
