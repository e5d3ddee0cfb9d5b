import * as PgConnection from "@effect/sql-pg/PgConnection"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { FaultProxyOptions } from "../../../src/testing/FaultProxy.ts"
import { FaultMode, FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("FaultProxy in front of PostgreSQL", (it) => {
  const setUpSession = Effect.fnUntraced(function* (options: Omit<FaultProxyOptions, "target"> = {}) {
    const postgres = yield* TestPostgres
    const database = yield* postgres.freshDatabase
    const proxy = yield* FaultProxy.make({ ...options, target: { host: postgres.host, port: postgres.port } })
    const connect = PgConnection.make({ url: proxy.urlThrough(database.url), connectTimeout: "5 seconds" })
    return { postgres, database, proxy, connect }
  })

  it.effect("passes a login and a query through each harmless mode", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* setUpSession()
      const harmless = [FaultMode.pass, FaultMode.slice(1), FaultMode.delay({ toServerMillis: 3, toClientMillis: 3 })]
      for (const mode of harmless) {
        yield* proxy.setMode(mode)
        const rows = yield* Effect.scoped(
          Effect.flatMap(connect, (session) => session.query("select count(*)::int as n from generate_series(1, 500)"))
        )
        assert.deepStrictEqual(rows.rows, [{ n: 500 }])
        yield* proxy.awaitOpen(0)
      }
    })
  )

  it.effect("lets logins fail by refusal, silence, reset and garbage", () =>
    Effect.gen(function* () {
      const { connect, proxy } = yield* setUpSession()
      const failures: Array<string> = []
      const silentAfterLogin = FaultMode.afterServerBytes(30, FaultMode.blackhole())
      for (const mode of [
        FaultMode.refuse,
        FaultMode.stallAccept,
        FaultMode.reset,
        FaultMode.garbage(),
        silentAfterLogin
      ]) {
        yield* proxy.setMode(mode)
        const error = yield* Effect.flip(Effect.scoped(connect))
        const cause = error.reason.cause as { readonly code?: string; readonly message: string }
        failures.push(cause.code ?? cause.message)
      }
      assert.deepStrictEqual(failures.slice(0, 3), ["ECONNREFUSED", "Connection timed out", "ECONNRESET"])
      assert.match(failures[3] ?? "", /maxMessageSize/)
      assert.strictEqual(failures[4], "Connection timed out")
    })
  )

  it.effect("loses the reply of a COMMIT that took effect", () =>
    Effect.gen(function* () {
      const { connect, database, proxy } = yield* setUpSession()
      const session = yield* connect
      yield* session.query("create table ledger (entry int)")
      yield* session.query("begin")
      yield* session.query("insert into ledger values (1)")
      yield* proxy.setMode(
        FaultMode.when(FaultMode.contains("COMMIT", "toClient"), FaultMode.reset, { matched: "withhold" })
      )
      const error = yield* Effect.flip(session.query("commit"))
      assert.strictEqual(error.reason._tag, "ConnectionError")
      const direct = yield* PgConnection.make({ url: database.url })
      assert.deepStrictEqual((yield* direct.query("select entry from ledger")).rows, [{ entry: 1 }])
    })
  )

  it.effect("keeps a COMMIT from the server when it is withheld", () =>
    Effect.gen(function* () {
      const { connect, postgres, proxy } = yield* setUpSession()
      const session = yield* connect
      yield* session.query("begin")
      yield* proxy.setMode(FaultMode.when(FaultMode.contains("commit"), FaultMode.blackhole(), { matched: "withhold" }))
      const committing = yield* Effect.forkChild(session.query("commit"))
      yield* proxy.awaitTriggered()
      const state = yield* postgres.admin("select state from pg_stat_activity where pid = $1", [session.processId])
      assert.deepStrictEqual(state, [{ state: "idle in transaction" }])
      yield* proxy.setMode(FaultMode.pass)
      assert.strictEqual((yield* Fiber.join(committing)).command, "COMMIT")
    })
  )

  it.effect("fails a running query when its connection is cut", () =>
    Effect.gen(function* () {
      const { connect, postgres, proxy } = yield* setUpSession()
      for (const how of ["reset", "end"] as const) {
        const session = yield* connect
        const sleeping = yield* Effect.forkChild(Effect.flip(session.query("select pg_sleep(60)")))
        yield* postgres
          .admin("select 1 from pg_stat_activity where pid = $1 and state = 'active'", [session.processId])
          .pipe(Effect.repeat({ until: (rows) => rows.length === 1 }))
        yield* proxy.cutAll(how)
        assert.strictEqual((yield* Fiber.join(sleeping)).reason._tag, "ConnectionError")
        yield* postgres.admin("select pg_terminate_backend($1)", [session.processId])
      }
    })
  )
})
