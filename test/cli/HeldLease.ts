/** The program with one lease that outlasts it: what the tests of its end need, and no command line can ask for. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { runProgram } from "../../src/cli/Runner.ts"
import { layer, serving } from "../../src/cli/Serving.ts"
import { listenForSignals } from "../../src/cli/Signals.ts"
import * as LogLayer from "../../src/layers/LogLayer.ts"
import { SessionConfig } from "../../src/services/SessionConfig.ts"
import { SessionPool } from "../../src/services/SessionPool.ts"

const seconds = process.env["HOLD_SECONDS"] ?? "20"

const program = Effect.gen(function* () {
  const pool = yield* SessionPool
  const held = pool.use((session) => session.execute("select pg_sleep($1)", [seconds], undefined))
  yield* held.pipe(
    Effect.matchEffect({
      onFailure: () => Effect.logInfo("lease cancelled"),
      onSuccess: () => Effect.logInfo("lease finished")
    }),
    Effect.forkDetach({ startImmediately: true })
  )
  return yield* serving
})

runProgram(
  program.pipe(
    Effect.provide(layer.pipe(Layer.provideMerge(LogLayer.layer), Layer.provideMerge(SessionConfig.layerEnv)))
  ),
  listenForSignals()
)
