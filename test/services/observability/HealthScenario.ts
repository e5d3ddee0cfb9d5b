/** A health check over a scripted pool, with every health and every log line. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Health } from "../../../src/services/observability/health/Health.ts"
import { HealthCheck } from "../../../src/services/observability/HealthCheck.ts"
import { SessionConfig, type SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"

export interface Watched {
  readonly current: Effect.Effect<Health>
  readonly seen: ReadonlyArray<Health>
  /** `LEVEL message`, of the health alone. */
  readonly lines: ReadonlyArray<string>
  /** The state with its causes: `Up`, `Degraded:saturated,slow`. */
  readonly state: Effect.Effect<string>
}

export const wordsOf = ({ state }: Health): string =>
  state._tag === "Degraded" ? `Degraded:${state.causes.join(",")}` : state._tag

/** The longest pause between two checks of the default interval, and a little more. */
export const ONE_INTERVAL = 33_001

/** Watches a pool until the scope closes. */
export const watch = (
  pool: SessionPool["Service"],
  settings: SettingsInput = {}
): Effect.Effect<Watched, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
      const text = String(message)
      if (text.includes("ealth")) lines.push(`${logLevel} ${text}`)
    })
    const context = yield* Layer.build(
      HealthCheck.layer.pipe(
        Layer.provide([
          Layer.succeed(SessionPool, pool),
          SessionConfig.layer({ url: "postgres://app:geh%40im-nis@db.example.com/shop", ...settings }),
          Logger.layer([logger]),
          Layer.succeed(References.MinimumLogLevel, "Debug")
        ])
      )
    ).pipe(Effect.orDie)
    const { changes, current } = Context.get(context, HealthCheck)
    const seen: Array<Health> = []
    yield* Effect.forkScoped(
      Stream.runForEach(changes, (health) => Effect.sync(() => seen.push(health))),
      { startImmediately: true }
    )
    yield* TestClock.adjust(0)
    return { current, seen, lines, state: Effect.map(current, wordsOf) }
  })
