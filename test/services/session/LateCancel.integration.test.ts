/** A CancelRequest that is delayed on its way, and a pooler that gives the backend to its next client. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { cancelAndDrain } from "../../../src/services/session/Cancellation.ts"
import { WireTap } from "../../../src/services/wire/WireTap.ts"
import { readFirstPacket } from "../../../src/services/embedded/fake-supavisor/FirstPacket.ts"
import { FaultMode, FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"
import { startFake, untilRunning } from "../embedded/fake-supavisor/StartFake.ts"

/** `FORWARD_MILLIS` of Cancellation.ts, less the millisecond by which a timer may be early. */
const PASS_ON_MILLIS = 49

const isCancel: FaultMode.ChunkPredicate = (chunk, direction) =>
  direction === "toServer" && readFirstPacket(chunk, false)._tag === "Cancel"

/** Longer than the rest of the interrupted statement, shorter than the next one. */
const LATE_MILLIS = 300

layer(TestPostgres.layer, { excludeTestServices: true })("an interrupted statement", (it) => {
  it.effect(
    "keeps its session until the server has processed the cancel, which would hit the pooler's next client",
    () =>
      Effect.gen(function* () {
        const { admin, host, port, server } = yield* TestPostgres
        const late = FaultMode.when(isCancel, FaultMode.delay({ toServerMillis: LATE_MILLIS }), { matched: "withhold" })
        const slow = yield* FaultProxy.make({ target: { host, port }, mode: late })
        const { database, password, username } = server
        const fake = yield* startFake({ upstream: { host: slow.host, port: slow.port, username, password, database } })
        const { pool } = yield* poolAt({ url: fake.url(), pool: { min: 1, max: 1 } })
        // The admin's lock keeps the statement running until the cancel was sent.
        yield* admin("select pg_advisory_lock(1148)")
        const waiting = "select pg_advisory_xact_lock(1148)"
        const left = yield* Effect.forkChild(pool.execute(waiting), { startImmediately: true })
        yield* untilRunning(waiting, 1)
        yield* Effect.andThen(Fiber.interrupt(left), slow.awaitTriggered())
        yield* admin("select pg_advisory_unlock(1148)")
        const rows = yield* pool.execute("select 1 as n, pg_sleep(0.6)::text as s")
        assert.deepStrictEqual(rows, [{ n: 1, s: "" }])
        assert.strictEqual(fake.counters().cancelsRouted, 1)
      })
  )

  it.effect("keeps its session for a moment if the pooler closed the connection before it forwarded the cancel", () =>
    Effect.gen(function* () {
      const { host, port } = yield* TestPostgres
      const hangingUp = FaultMode.when(isCancel, FaultMode.end)
      const proxy = yield* FaultProxy.make({ target: { host, port }, mode: hangingUp })
      let ended = Number.POSITIVE_INFINITY
      const ping = Effect.map(proxy.awaitTriggered(), () => {
        ended = performance.now()
      })
      const tls = { mode: "disable", rootCertificate: undefined } as const
      const endpoint = { host: proxy.host, port: proxy.port, family: 0, tls, keepAliveMillis: undefined } as const
      const tap = new WireTap(() => performance.now())
      assert.isFalse(yield* cancelAndDrain({ ping, endpoint, tap }))
      assert.isAtLeast(performance.now() - ended, PASS_ON_MILLIS)
    })
  )
})
