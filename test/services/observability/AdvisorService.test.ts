import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Advisor } from "../../../src/services/observability/Advisor.ts"
import type { PoolEvent } from "../../../src/services/pool/Events.ts"
import type { SessionEntry } from "../../../src/services/pool/SessionList.ts"
import { PoolTimes } from "../../../src/services/stats/PoolTimes.ts"
import type { PoolSnapshot } from "../../../src/services/pool/core/Snapshot.ts"
import type { DatabaseView } from "../../../src/services/observability/monitor/DatabaseView.ts"
import { PostgresMonitor } from "../../../src/services/observability/PostgresMonitor.ts"
import { SessionConfig } from "../../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { poolFixture } from "../../http/PoolFixture.ts"
import { counters, databaseView, dropped, sessionEntryWith } from "./advice/AdvisorFixtures.ts"

/** An advisor over a pool and a database that a test plays; what it logs is gathered as `LEVEL message`. */
const advised = Effect.gen(function* () {
  const events = yield* PubSub.unbounded<PoolEvent>({ replay: 50 })
  const lines: Array<string> = []
  const state: {
    pool: PoolSnapshot
    sessions: ReadonlyArray<SessionEntry>
    view: DatabaseView | undefined
    times: PoolTimes
    broken: boolean
  } = { pool: poolFixture(), sessions: [], view: undefined, times: new PoolTimes(), broken: false }
  const context = yield* Layer.build(
    Advisor.layer.pipe(
      Layer.provide([
        Layer.mock(SessionPool, {
          name: "p",
          endpoint: { host: "db.example.com", port: 5432, database: "shop", username: "app" },
          snapshot: Effect.sync(() => {
            if (state.broken) throw new Error("a bug")
            return state.pool
          }),
          sessions: Effect.sync(() => state.sessions),
          times: Effect.sync(() => state.times),
          events: Stream.fromPubSub(events)
        }),
        Layer.mock(PostgresMonitor, {
          current: Effect.sync(() => ({
            view: state.view,
            observedAt: undefined,
            problem: undefined,
            restriction: undefined
          }))
        }),
        SessionConfig.layer({ url: "postgres://app:geh%40im-nis@db.example.com:5432/shop" })
      ]),
      Layer.provide(
        Logger.layer([Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))])
      )
    )
  )
  yield* TestClock.adjust(0)
  return {
    advisor: Context.get(context, Advisor),
    state,
    happens: (event: PoolEvent) => Effect.andThen(PubSub.publish(events, event), TestClock.adjust(0)),
    /** The log lines since the last call. */
    logged: Effect.sync(() => lines.splice(0))
  }
})

const crowded = databaseView({ counts: [{ owner: "others", state: "idle", count: 80, waitingOnLock: 0 }] })

describe("Advisor", () => {
  it.effect("logs a finding once when it begins, when it becomes worse and when it is over", () =>
    Effect.gen(function* () {
      const { advisor, logged, state } = yield* advised
      state.view = crowded
      yield* TestClock.adjust("10 seconds")
      const [begun = "", ...more] = yield* logged
      assert.match(
        begun,
        /^Warn The database has too many connections\. 80 of 97 .* upgrade to a larger compute size\.$/
      )
      assert.deepStrictEqual(more, [])
      state.view = { ...crowded, maxConnections: 95 }
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* logged, [], "numbers alone are no news")
      assert.include((yield* advisor.findings)[0]?.detail, "80 of 92")
      state.view = { ...crowded, maxConnections: 85 }
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* logged).length, 1)
      state.view = databaseView()
      yield* TestClock.adjust("10 seconds")
      const [over = "", ...rest] = yield* logged
      assert.match(over, /^Info Resolved after \d+ s: The database has too many connections\.$/)
      assert.deepStrictEqual(rest, [])
      assert.deepStrictEqual(yield* advisor.findings, [])
    }).pipe(Effect.scoped)
  )

  it.effect("streams the findings when they change, and only then", () =>
    Effect.gen(function* () {
      const { advisor, state } = yield* advised
      const seen: Array<number> = []
      yield* Effect.forkScoped(
        Stream.runForEach(advisor.changes, (findings) => Effect.sync(() => seen.push(findings.length)))
      )
      yield* TestClock.adjust("20 seconds")
      state.view = crowded
      yield* TestClock.adjust("20 seconds")
      state.view = undefined
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(seen, [0, 1, 0])
    }).pipe(Effect.scoped)
  )

  it.effect("counts the callers and the use of the last minute for Little's law", () =>
    Effect.gen(function* () {
      const { advisor, state } = yield* advised
      yield* TestClock.adjust("59 seconds")
      for (let lease = 0; lease < 300; lease++) state.times.useTime.recordMillis(1000)
      state.pool = poolFixture({
        used: 5,
        idle: 0,
        open: 5,
        waiting: 60,
        oldestWaitMillis: 5000,
        counters: counters((made) => {
          made.acquired.waited = 300
          made.acquired.timeout = 240
        })
      })
      yield* TestClock.adjust("1 second")
      const [finding] = yield* advisor.refresh
      assert.strictEqual(finding?.id, "pool-saturated")
      assert.match(finding?.detail ?? "", /(9\.\d|10\.\d) callers per second hold a session for 1\.0 s each/)
      assert.match(finding?.remedy ?? "", /DB_POOL_MAX from 5 to 1[23]/)
      yield* TestClock.adjust("2 minutes")
      state.pool = { ...state.pool, waiting: 0, oldestWaitMillis: 0 }
      assert.deepStrictEqual(yield* advisor.refresh, [], "what was turned away more than a minute ago is over")
    }).pipe(Effect.scoped)
  )

  it.effect("keeps suspected leaks until they are released, and losses for ten minutes", () =>
    Effect.gen(function* () {
      const { advisor, happens, state } = yield* advised
      state.sessions = [sessionEntryWith({ sessionId: 3, heldMillis: 90_000 })]
      const leak = { at: 0, sessionId: 3, holder: "billing", heldMillis: 60_000 }
      yield* happens({ _tag: "LeakSuspected", ...leak, statement: undefined })
      yield* happens({ _tag: "SessionsLost", at: 0, count: 1, first: dropped })
      const ids = Effect.map(advisor.refresh, (findings) => findings.map(({ id }) => id))
      assert.deepStrictEqual(yield* ids, ["sessions-leaked", "idle-sessions-dropped"])
      yield* TestClock.adjust("11 minutes")
      assert.deepStrictEqual(yield* ids, ["sessions-leaked"])
      yield* happens({ _tag: "LeakReturned", ...leak })
      assert.deepStrictEqual(yield* ids, [])
    }).pipe(Effect.scoped)
  )

  it.effect("continues after a defect", () =>
    Effect.gen(function* () {
      const { advisor, logged, state } = yield* advised
      state.broken = true
      yield* TestClock.adjust("10 seconds")
      assert.include((yield* logged)[0], "Error Evaluating the advisor's rules failed.")
      state.broken = false
      state.view = crowded
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* advisor.findings).length, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("contains no password of a statement", () =>
    Effect.gen(function* () {
      const { advisor, state, logged } = yield* advised
      state.sessions = [sessionEntryWith({ runningMillis: 20_000, statement: "alter role app password 'geh@im-nis'" })]
      const findings = yield* advisor.refresh
      assert.include(findings[0]?.detail, "alter role app password")
      assert.notMatch(JSON.stringify([findings, yield* logged]), /geh(@|%40)im-nis/)
    }).pipe(Effect.scoped)
  )
})
