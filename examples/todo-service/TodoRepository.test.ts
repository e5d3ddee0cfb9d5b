import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
// In a project of its own: "effect-supavisor/testing".
import { Dial, ScriptedSessions, serverError, type Statements } from "../../src/testing/ScriptedSessions.ts"
import { TitleTaken, TodoNotFound, TodoRepository } from "./TodoRepository.ts"

const scripted = (statements: Statements, options?: Parameters<typeof ScriptedSessions.layerClient>[1]) =>
  Effect.provide(TodoRepository.layer.pipe(Layer.provideMerge(ScriptedSessions.layerClient(statements, options))))

const insert = 'insert into todos ("title") VALUES ($1) returning id, title, done'
const update = "update todos set done = true where id = $1 returning id, title, done"
const record = 'insert into todo_history ("todo_id","event") VALUES ($1,$2)'
const list = "select id, title, done from todos where not done order by id"

const sent = Effect.map(ScriptedSessions, (sessions) => sessions.statements.map(({ sql }) => sql))

describe("TodoRepository without a database", () => {
  it.effect("adds a todo and its record in one transaction", () =>
    Effect.gen(function* () {
      const todos = yield* TodoRepository
      assert.deepStrictEqual(yield* todos.add("buy milk"), { id: 7, title: "buy milk", done: false })
      assert.deepStrictEqual(yield* sent, ["BEGIN", insert, record, "COMMIT"])
    }).pipe(scripted({ [insert]: ([title]) => [{ id: 7, title, done: false }], [record]: [] }))
  )

  it.effect("rolls back and fails when there is no such todo", () =>
    Effect.gen(function* () {
      const todos = yield* TodoRepository
      assert.deepStrictEqual(yield* Effect.flip(todos.complete(9)), new TodoNotFound({ id: 9 }))
      assert.deepStrictEqual(yield* sent, ["BEGIN", update, "rollback"])
    }).pipe(scripted({ [update]: [] }))
  )

  it.effect("turns a violated key into an error of its own", () =>
    Effect.gen(function* () {
      const todos = yield* TodoRepository
      assert.deepStrictEqual(yield* Effect.flip(todos.add("buy milk")), new TitleTaken({ title: "buy milk" }))
    }).pipe(scripted({ [insert]: serverError("23505", "duplicate key value", { constraint: "todos_title_key" }) }))
  )

  it.effect("streams what is still to do", () =>
    Effect.gen(function* () {
      const { open } = yield* TodoRepository
      const todo = { id: 1, title: "buy milk", done: false }
      assert.deepStrictEqual(yield* Stream.runCollect(open), [todo])
    }).pipe(scripted({ [list]: [{ id: 1, title: "buy milk", done: false }] }))
  )

  it.effect("waits for a database that comes back", () =>
    Effect.gen(function* () {
      const { open } = yield* TodoRepository
      const listing = yield* Effect.forkChild(Stream.runCollect(open), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(listing), [])
    }).pipe(
      scripted(
        { [list]: [] },
        { script: { dials: [Dial.fails("network"), Dial.fails("network"), Dial.succeeds(100)] } }
      )
    )
  )
})
