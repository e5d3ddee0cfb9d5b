/** Contenders whose operations are effects; each caller is a fiber. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Contender, LoopFigures, OpenContender, Target } from "./Contender.ts"
import { keys, type Operation, type Rows } from "./Operation.ts"
import { Recorder } from "./Recorder.ts"

export interface EffectClient {
  readonly operations: Record<Operation, (key: number) => Effect.Effect<Rows, unknown>>
  readonly lease?: Effect.Effect<void, unknown> | undefined
  /** Acquires a session until the scope closes. */
  readonly session: Effect.Effect<unknown, unknown, Scope.Scope>
  /** Wraps every effect that is run, for instance to switch tracing off. */
  readonly around?: (<A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>) | undefined
}

const unbounded = { concurrency: "unbounded", discard: true } as const

const measured = (
  run: (key: number) => Effect.Effect<unknown, unknown>,
  callers: number,
  millis: number
): Effect.Effect<LoopFigures, unknown> =>
  Effect.suspend(() => {
    const recorder = new Recorder()
    const nextKey = keys()
    const started = performance.now()
    const deadline = started + millis
    const caller = Effect.suspend(() => {
      let at = performance.now()
      return Effect.whileLoop({
        while: () => at < deadline,
        body: () => run(nextKey()),
        step: () => {
          const now = performance.now()
          recorder.record(now - at)
          at = now
        }
      })
    })
    const all = Effect.all(
      Array.from({ length: callers }, () => caller),
      unbounded
    )
    return Effect.map(all, () => ({
      operations: recorder.operations,
      seconds: (performance.now() - started) / 1000,
      latency: recorder.latency
    }))
  })

const burst = (
  run: (key: number) => Effect.Effect<unknown, unknown>,
  count: number,
  done: (index: number) => void
): Effect.Effect<void, unknown> =>
  Effect.suspend(() => {
    const nextKey = keys()
    return Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      (index) => Effect.map(run(nextKey()), () => done(index)),
      unbounded
    )
  })

const repeated = (effect: Effect.Effect<unknown, unknown>, count: number): Effect.Effect<void, unknown> =>
  Effect.suspend(() => {
    let left = count
    return Effect.whileLoop({ while: () => left-- > 0, body: () => effect, step: () => {} })
  })

const opened = (client: EffectClient, scope: Scope.Closeable): OpenContender => {
  const around = client.around ?? ((effect) => effect)
  const run = <A>(effect: Effect.Effect<A, unknown>) => Effect.runPromise(around(effect))
  const { lease, operations, session } = client
  return {
    measure: (name, callers, millis) => run(measured(operations[name], callers, millis)),
    runOnce: (name, key) => run(operations[name](key)),
    burst: (count, done) => run(burst(operations.point, count, done)),
    lease: lease && ((count) => run(repeated(lease, count))),
    hold: (sessions) =>
      run(
        Effect.scoped(
          Effect.all(
            Array.from({ length: sessions }, () => session),
            unbounded
          )
        )
      ),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** A contender with a scoped client. */
export const effectContender = (
  build: (target: Target) => Effect.Effect<EffectClient, unknown, Scope.Scope>
): Contender => ({
  open: async (target) => {
    const scope = Scope.makeUnsafe()
    return opened(await Effect.runPromise(Scope.provide(build(target), scope)), scope)
  }
})
