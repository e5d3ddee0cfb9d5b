/** Todos in PostgreSQL: SQL only, without pools, sessions or connection strings. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"

export const Todo = Schema.Struct({ id: Schema.Number, title: Schema.String, done: Schema.Boolean })
export type Todo = typeof Todo.Type

/** There is no todo with that number. */
export class TodoNotFound extends Schema.TaggedError<TodoNotFound>()("TodoNotFound", { id: Schema.Number }) {
  override get message(): string {
    return `There is no todo ${this.id}`
  }
}

/** There is a todo with that title already. */
export class TitleTaken extends Schema.TaggedError<TitleTaken>()("TitleTaken", { title: Schema.String }) {
  override get message(): string {
    return `There is a todo "${this.title}" already`
  }
}

/** A row that does not decode is a bug of this program. */
const decode = (row: unknown): Effect.Effect<Todo> => Effect.orDie(Schema.decodeUnknownEffect(Todo)(row))

const make = Effect.gen(function* () {
  const sql = yield* SqlClient

  const migrate = sql.withTransaction(
    Effect.all(
      [
        sql`create table if not exists todos (
          id integer primary key generated always as identity,
          title text not null unique,
          done boolean not null default false
        )`,
        sql`create table if not exists todo_history (
          todo_id integer not null references todos (id),
          event text not null,
          at timestamptz not null default now()
        )`
      ],
      { discard: true }
    )
  )

  const record = (id: number, event: string) => sql`insert into todo_history ${sql.insert({ todo_id: id, event })}`

  const add = Effect.fn("TodoRepository.add")(function* (title: string) {
    const rows = yield* sql`insert into todos ${sql.insert({ title })} returning id, title, done`
    const todo = yield* decode(rows[0])
    yield* record(todo.id, "added")
    return todo
  })

  const complete = Effect.fn("TodoRepository.complete")(function* (id: number) {
    const rows = yield* sql`update todos set done = true where id = ${id} returning id, title, done`
    if (rows.length === 0) return yield* new TodoNotFound({ id })
    yield* record(id, "completed")
    return yield* decode(rows[0])
  })

  return TodoRepository.of({
    migrate,
    add: (title) =>
      sql
        .withTransaction(add(title))
        .pipe(Effect.catchReason("SqlError", "UniqueViolation", () => Effect.fail(new TitleTaken({ title })))),
    complete: (id) => sql.withTransaction(complete(id)),
    open: Stream.mapEffect(sql`select id, title, done from todos where not done order by id`.stream, decode)
  })
})

/** Stores todos and their history. */
export class TodoRepository extends Context.Service<
  TodoRepository,
  {
    /** Creates missing tables. */
    readonly migrate: Effect.Effect<void, SqlError>
    /** Adds a todo and records it, both or neither. */
    readonly add: (title: string) => Effect.Effect<Todo, TitleTaken | SqlError>
    /** Marks a todo as done and records it, both or neither. */
    readonly complete: (id: number) => Effect.Effect<Todo, TodoNotFound | SqlError>
    /** Open todos, oldest first, streamed so that a long list is never in memory as a whole. */
    readonly open: Stream.Stream<Todo, SqlError>
  }
>()("todo-service/TodoRepository") {
  static readonly layer: Layer.Layer<TodoRepository, never, SqlClient> = Layer.effect(TodoRepository, make)
}
