/**
 * The program with one lease that outlasts it, one borrower that comes too late, and a look at what is left when all of
 * it has ended: what the tests of its end need, and no command line can ask for.
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
  // Said while the session is still held: what the pool does next comes after it.
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
    // The pool says that it drains, and does it in the same turn.
    Effect.andThen(Effect.yieldNow),
    Effect.andThen(Effect.exit(pool.use(() => Effect.void))),
    Effect.flatMap((exit) => Effect.logInfo(`late borrower: ${Exit.isFailure(exit) ? "refused" : "served"}`)),
    Effect.forkDetach({ startImmediately: true })
  )
  return yield* serving
})

/** Timers are loops that go on, servers are doors that are open; what runs this program has a timer of its own. */
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
