/**
 * A small load on the pool, so that somebody who has configured nothing yet sees a pool at work.
 *
 * Everything it does is named `demo ...`, where sessions are listed as well as in traces. It only reads, about ten
 * statements a second: the whole program, its embedded pooler included, takes some two hundredths of a core with it.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { LeasedSession } from "../pool/LeasedSession.ts"
import { SessionPool } from "../pool/SessionPool.ts"

/** Two readers, each as often as a busy person clicks: the charts move, the processor does not notice. */
const READERS = 2
const READ_PAUSE = Duration.millis(250)

/** A transaction every so often, with a little work between its statements. */
const TRANSACTION_PAUSE = Duration.millis(1500)
const TRANSACTION_SECONDS = 0.1

/** Now and then a statement that stands out, well below what counts as stuck. */
const SLOW_PAUSE = Duration.seconds(17)
const SLOW_SECONDS = 1.2

/** Now and then more callers than the smallest pool has sessions (5), for as long as a person needs to see it. */
const BURST_PAUSE = Duration.seconds(23)
const BURST_CALLERS = 7
const BURST_SECONDS = 0.6

/** How long the end of the load may take, in milliseconds: what it runs is cancelled, in a round trip or two. */
const STOP_MILLIS = 1000

const run = (session: LeasedSession, sql: string, params: ReadonlyArray<unknown> = []) =>
  session.execute(sql, params, undefined)

const sleeping = "/* demo */ select pg_sleep($1)"

/** The load of the demonstration. */
export class DemoLoad extends Context.Service<
  DemoLoad,
  {
    /** Whether there is a load at all. */
    readonly isActive: boolean
    /** Ends the load and waits until its sessions are given back, for a second at most. */
    readonly stop: Effect.Effect<void>
  }
>()("effect-supavisor/DemoLoad") {
  /** No load: what everybody gets who has a database of their own. */
  static readonly layerNone: Layer.Layer<DemoLoad> = Layer.succeed(DemoLoad, { isActive: false, stop: Effect.void })

  /** Loads the pool as soon as it has a session, until it is stopped or the layer's scope closes. */
  static readonly layer: Layer.Layer<DemoLoad, never, SessionPool> = Layer.effect(
    DemoLoad,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const scope = yield* Scope.make()
      const stop = yield* Effect.cached(Effect.asVoid(Effect.timeoutOption(Scope.close(scope, Exit.void), STOP_MILLIS)))
      yield* Effect.addFinalizer(() => stop)
      yield* Effect.forkIn(load(pool), scope)
      return { isActive: true, stop }
    })
  )
}

const load = (pool: SessionPool["Service"]): Effect.Effect<void> => {
  /** One thing done with a session, under its name, over and over; what fails is the pool's news, not this load's. */
  const scene = (name: string, pause: Duration.Duration, act: Effect.Effect<unknown, unknown>) =>
    act.pipe(
      Effect.withSpan(name),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logDebug(`${name} failed.`, cause)
      ),
      Effect.delay(pause),
      Effect.repeat(Schedule.forever)
    )

  const reader = scene(
    "demo quick read",
    READ_PAUSE,
    pool.use((session) => run(session, "/* demo */ select count(*) from pg_class where relkind = $1", ["r"]))
  )

  const transaction = scene(
    "demo transaction",
    TRANSACTION_PAUSE,
    pool.use((session) =>
      Effect.andThen(
        run(session, "begin read only"),
        Effect.andThen(
          Effect.exit(
            Effect.andThen(run(session, "/* demo */ select now()"), run(session, sleeping, [TRANSACTION_SECONDS]))
          ),
          (exit) => Effect.andThen(run(session, Exit.isSuccess(exit) ? "commit" : "rollback"), exit)
        )
      )
    )
  )

  const slow = scene(
    "demo slow statement",
    SLOW_PAUSE,
    pool.use((session) => run(session, sleeping, [SLOW_SECONDS]))
  )

  const caller = Effect.withSpan(
    pool.use((session) => run(session, sleeping, [BURST_SECONDS])),
    "demo burst caller"
  )
  const burst = scene(
    "demo burst",
    BURST_PAUSE,
    Effect.all(
      Array.from({ length: BURST_CALLERS }, () => caller),
      { concurrency: "unbounded", discard: true }
    )
  )

  const scenes = [...Array.from({ length: READERS }, () => reader), transaction, slow, burst]
  return Effect.exit(pool.ready).pipe(
    Effect.andThen(Effect.all(scenes, { concurrency: "unbounded", discard: true })),
    Effect.asVoid
  )
}
