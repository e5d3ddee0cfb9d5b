/**
 * Adds the todo given on the command line and lists the open todos.
 *
 * Run it with SUPABASE_SESSION_POOLER set to the session pooler's connection string. In a project of its own the
 * import below reads `effect-supavisor/SupavisorLayer`; here it is relative, because the package's own name
 * leads to compiled files that exist only after a build.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"
import { TodoRepository } from "./TodoRepository.ts"

const program = Effect.gen(function* () {
  const todos = yield* TodoRepository
  yield* todos.migrate
  const title = process.argv[2]
  if (title !== undefined) {
    const { id } = yield* todos.add(title)
    yield* Console.log(`added ${id}`)
  }
  yield* Stream.runForEach(todos.open, (todo) => Console.log(`${todo.id}  ${todo.title}`))
})

NodeRuntime.runMain(program.pipe(Effect.provide(TodoRepository.layer.pipe(Layer.provide(SupavisorLayer.layerEnv())))))
