/**
 * A small load that shows the pool at work when no database is configured.
 *
 * Its spans are named `demo ...`, in the list of sessions and in traces. It only reads, about ten statements a second:
 * the whole program, embedded pooler included, then uses about 2 % of a core.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { LeasedSession } from "../pool/SessionLease.ts"
import { SessionPool } from "../pool/SessionPool.ts"

/** Short reads: enough for the charts to move. */
const READERS = 2
const READ_PAUSE = Duration.millis(250)

/** A short transaction. */
const TRANSACTION_PAUSE = Duration.millis(1500)
const TRANSACTION_SECONDS = 0.1

/** A slow statement, well below the limit of a stuck one. */
const SLOW_PAUSE = Duration.seconds(17)
const SLOW_SECONDS = 1.2

/** More callers than the smallest pool has sessions (5), for long enough to be seen. */
const BURST_PAUSE = Duration.seconds(23)
const BURST_CALLERS = 7
const BURST_SECONDS = 0.6

/** Bound of `stop`: running statements are cancelled, which takes one or two round trips. */
const STOP_MILLIS = 1000

const run = (session: LeasedSession, sql: string, params: ReadonlyArray<unknown> = []) =>
  session.execute(sql, params, undefined)

const sleep = (session: LeasedSession, seconds: number) => run(session, "/* demo */ select pg_sleep($1)", [seconds])

/** The demonstration load. */
export class DemoLoad extends Context.Service<
  DemoLoad,
  {
    /** Whether there is a load. */
    readonly isActive: boolean
    /** Stops the load and waits until its sessions are released, at most one second. */
    readonly stop: Effect.Effect<void>
  }
>()("effect-supavisor/DemoLoad") {
  /** No load, for a configured database. */
  static readonly layerNone: Layer.Layer<DemoLoad> = Layer.succeed(DemoLoad, { isActive: false, stop: Effect.void })

  /** Starts the load when the pool is ready; ends it with `stop` or the layer's scope. */
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

const inParallel = <E>(effects: ReadonlyArray<Effect.Effect<unknown, E>>): Effect.Effect<void, E> =>
  Effect.all(effects, { concurrency: "unbounded", discard: true })

const load = (pool: SessionPool["Service"]): Effect.Effect<void> => {
  /** Repeats an effect in a span of that name. Failures are logged at debug level only: the pool reports them. */
  const repeated = (name: string, pause: Duration.Duration, act: Effect.Effect<unknown, unknown>) =>
    act.pipe(
      Effect.withSpan(name),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logDebug(`${name} failed.`, cause)
      ),
      Effect.delay(pause),
      Effect.repeat(Schedule.forever)
    )

  const reader = repeated(
    "demo quick read",
    READ_PAUSE,
    pool.use((session) => run(session, "/* demo */ select count(*) from pg_class where relkind = $1", ["r"]))
  )

  const transaction = repeated(
    "demo transaction",
    TRANSACTION_PAUSE,
    pool.use(
      Effect.fnUntraced(function* (session) {
        yield* run(session, "begin read only")
        const reads = Effect.andThen(run(session, "/* demo */ select now()"), sleep(session, TRANSACTION_SECONDS))
        const exit = yield* Effect.exit(reads)
        yield* run(session, Exit.isSuccess(exit) ? "commit" : "rollback")
        return yield* exit
      })
    )
  )

  const slow = repeated(
    "demo slow statement",
    SLOW_PAUSE,
    pool.use((session) => sleep(session, SLOW_SECONDS))
  )

  const caller = Effect.withSpan(
    pool.use((session) => sleep(session, BURST_SECONDS)),
    "demo burst caller"
  )
  const burst = repeated("demo burst", BURST_PAUSE, inParallel(Arr.makeBy(BURST_CALLERS, () => caller)))

  return Effect.andThen(
    Effect.exit(pool.ready),
    inParallel([...Arr.makeBy(READERS, () => reader), transaction, slow, burst])
  )
}
