import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
// In a project of its own: "effect-supavisor/SupavisorLayer" and "effect-supavisor/testing".
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { TitleTaken, TodoNotFound, TodoRepository } from "./TodoRepository.ts"

/** The repository over a session pool of its own with an empty database. */
const Database = Layer.unwrap(
  Effect.gen(function* () {
    const { url } = yield* (yield* TestPostgres).freshDatabase
    return TodoRepository.layer.pipe(Layer.provideMerge(SupavisorLayer.layer({ url, pool: { min: 1, max: 3 } })))
  })
)

layer(Database.pipe(Layer.provide(TestPostgres.layer)))("TodoRepository with PostgreSQL", (it) => {
  it.effect("keeps todos, their records and its promises", () =>
    Effect.gen(function* () {
      const todos = yield* TodoRepository
      const sql = yield* SqlClient
      yield* todos.migrate
      yield* todos.migrate
      const milk = yield* todos.add("buy milk")
      const tea = yield* todos.add("make tea")
      assert.deepStrictEqual(yield* Effect.flip(todos.add("buy milk")), new TitleTaken({ title: "buy milk" }))
      assert.deepStrictEqual(yield* Effect.flip(todos.complete(99)), new TodoNotFound({ id: 99 }))
      assert.isTrue((yield* todos.complete(milk.id)).done)
      assert.deepStrictEqual(yield* Stream.runCollect(todos.open), [tea])
      assert.deepStrictEqual(yield* sql`select todo_id, event from todo_history order by at`, [
        { todo_id: milk.id, event: "added" },
        { todo_id: tea.id, event: "added" },
        { todo_id: milk.id, event: "completed" }
      ])
    })
  )
})
