/**
 * The program with one lease that is still held at the shutdown, one caller that comes after it, and a list of what is
 * open at the end. Tests of the shutdown need them, and no command line has them.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { runProgram } from "../../src/cli/Runner.ts"
import { layer, serving } from "../../src/cli/ServeLayer.ts"
import { listenForSignals } from "../../src/cli/Signals.ts"
import * as LogLayer from "../../src/layers/LogLayer.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"

const seconds = process.env["HOLD_SECONDS"] ?? "20"

const program = Effect.gen(function* () {
  const pool = yield* SessionPool
  // Printed while the session is still held, before the pool's next step.
  const held = pool.use((session) =>
    Effect.matchEffect(session.execute("select pg_sleep($1)", [seconds], undefined), {
      onFailure: () => Effect.logInfo("lease cancelled"),
      onSuccess: () => Effect.logInfo("lease finished")
    })
  )
  yield* Effect.forkDetach(Effect.exit(held), { startImmediately: true })
  yield* pool.events.pipe(
    Stream.filter(({ _tag }) => _tag === "Draining"),
    Stream.runHead,
    // The pool publishes the drain and starts it in the same turn.
    Effect.andThen(Effect.yieldNow),
    Effect.andThen(Effect.exit(pool.use(() => Effect.void))),
    Effect.flatMap((exit) => Effect.logInfo(`late caller: ${Exit.isFailure(exit) ? "refused" : "served"}`)),
    Effect.forkDetach({ startImmediately: true })
  )
  return yield* serving
})

/** Open timers and servers; the runner of this program has one timer of its own. */
const running = (): ReadonlyArray<string> =>
  process.getActiveResourcesInfo().filter((name) => /Timeout|Server/.test(name))

const withRemains = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const own = running().length
    const tell = Effect.sync(() => console.error(`left running: ${running().slice(own).join(" ") || "nothing"}`))
    return Effect.ensuring(effect, tell)
  })

runProgram(
  program.pipe(
    Effect.provide(layer.pipe(Layer.provideMerge(LogLayer.layer), Layer.provideMerge(SessionConfig.layerEnv))),
    withRemains
  ),
  listenForSignals()
)
