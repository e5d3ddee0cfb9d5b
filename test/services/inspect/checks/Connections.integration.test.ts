import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { checkIds, Inspection } from "../../../../src/services/inspect/Inspector.ts"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { until } from "../../../PoolHarness.ts"
import { runCheck, client, serverWithStatistics, inspect, outcomeOf, rowWith } from "./TestInspector.ts"

layer(serverWithStatistics, { excludeTestServices: true })("The checks of connections", (it) => {
  it.effect("count connections, their ages and the use of the limits", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const settings = {
        url,
        applicationName: "ours-app",
        connectionType: "supavisor_session",
        pool: { max: 4 }
      } as const
      const ours = yield* client(url, "ours-app")
      yield* client(url, "ours-app")
      const pooler = yield* client(url, "Supavisor")
      const other = yield* client(url, "reporting")
      yield* other.run("begin")

      const activity = yield* runCheck(settings, "activity")
      assert.deepInclude(rowWith(activity, "application", "ours-app"), { owner: "ours", state: "idle", connections: 2 })
      assert.deepInclude(rowWith(activity, "application", "Supavisor"), { owner: "pooler", connections: 1 })
      const resting = { owner: "others", state: "idle in transaction", connections: 1, waitingOnLock: 0 }
      assert.deepInclude(rowWith(activity, "application", "reporting"), resting)
      assert.notInclude(JSON.stringify(activity.rows), "inspect", "the inspecting session is not counted")
      assert.deepInclude(activity.server, { role: "postgres" })

      const age = yield* runCheck(settings, "connection-age")
      const pids = age.rows.map(({ pid }) => pid)
      assert.isBelow(pids.indexOf(ours.pid), pids.indexOf(pooler.pid))
      assert.isBelow(pids.indexOf(pooler.pid), pids.indexOf(other.pid))
      const ages = age.rows.map(({ ageMillis }) => Number(ageMillis))
      assert.deepStrictEqual(
        ages,
        ages.toSorted((one, other) => other - one)
      )

      const utilization = yield* runCheck(settings, "pool-utilization", { poolerSize: 3 })
      assert.deepInclude(rowWith(utilization, "scope", "ours"), { used: 2, limit: 4, free: 2, share: 0.5 })
      assert.deepInclude(rowWith(utilization, "scope", "pooler"), { used: 3, limit: 3, free: 0, share: 1 })
      assert.deepInclude(rowWith(utilization, "scope", "server"), { limit: 97 })
      assert.strictEqual(utilization.rows[0]?.["scope"], "pooler", "the fullest first")
      assert.strictEqual(outcomeOf(utilization, "limits"), "fail")
      assert.match(utilization.nextSteps.join("\n"), /pool of postgres@test_\d+ uses 3 of 3: lower DB_POOL_MAX/)
      const unknown = yield* runCheck(settings, "pool-utilization")
      assert.deepInclude(rowWith(unknown, "scope", "pooler"), { limit: 15 })
      assert.match(unknown.unseen.join(), /--pooler-size/)
    }).pipe(Effect.scoped)
  )

  it.effect("show blocked sessions, the first holder and how to end it, without values", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const holder = yield* client(url, "holder")
      yield* holder.run("create table accounts (id int primary key, note text)")
      yield* holder.run("insert into accounts values (1, ''), (2, '')")
      yield* holder.run("begin")
      yield* holder.run("update accounts set note = 'top-secret' where id = 1")
      const second = yield* client(url, "second")
      yield* second.run("begin")
      yield* second.run("update accounts set note = 'x' where id = 2")
      yield* Effect.forkChild(second.run("update accounts set note = 'val-two' where id = 1"))
      const third = yield* client(url, "third")
      yield* Effect.forkChild(third.run("update accounts set note = 'val-three' where id = 2"))
      yield* until(
        "both wait",
        Effect.map(Effect.orDie(runCheck({ url }, "blocking")), ({ rows }) => rows.length === 2)
      )

      const blocking = yield* runCheck({ url }, "blocking")
      assert.deepInclude(rowWith(blocking, "blockedPid", second.pid), {
        blockingPid: holder.pid,
        isFirst: true,
        blockingState: "idle in transaction",
        blockingStatement: "update accounts set note = '?' where id = 1",
        blockedApplication: "second"
      })
      assert.deepInclude(rowWith(blocking, "blockedPid", third.pid), { blockingPid: second.pid, isFirst: false })
      assert.include(blocking.nextSteps.join("\n"), `select pg_terminate_backend(${holder.pid});`)

      const locks = yield* runCheck({ url }, "locks")
      assert.deepInclude(rowWith(locks, "pid", third.pid), { granted: false, mode: "ShareLock", application: "third" })

      const idle = yield* runCheck({ url, idleInTransactionTimeout: 1 }, "idle-in-transaction")
      assert.deepInclude(rowWith(idle, "pid", holder.pid), { blocks: 1, application: "holder" })
      assert.lengthOf(idle.rows, 1, "who waits does not rest")
      assert.strictEqual(outcomeOf(idle, "transactions-end"), "fail")

      const slow = yield* runCheck({ url }, "long-running-queries", { longerThan: 1 })
      assert.match(String(rowWith(slow, "pid", third.pid)["waitsFor"]), /^Lock: /)
      assert.include(slow.nextSteps.join("\n"), "inspect blocking")
      assert.lengthOf((yield* runCheck({ url }, "long-running-queries")).rows, 0, "five minutes are long")

      assert.notMatch(JSON.stringify([blocking, locks, idle, slow]), /top-secret|val-two|val-three/)
      yield* holder.run("commit")
      yield* until(
        "the rule passes again",
        Effect.map(Effect.orDie(runCheck({ url }, "blocking")), ({ rows }) =>
          rows.every(({ isFirst }) => isFirst !== false)
        )
      )
      yield* second.run("commit")
      const { empty, rows } = yield* runCheck({ url }, "blocking")
      assert.deepStrictEqual([empty, rows], ["No session waits for a lock.", []])
    }).pipe(Effect.scoped)
  )

  it.effect("show a role's limit and settings", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* TestPostgres
      yield* admin("create role narrow login password 'n4rrow-s3cret' connection limit 2")
      yield* admin("alter role narrow set statement_timeout = '7s'")
      const roles = yield* runCheck({ url }, "role-stats")
      assert.deepInclude(rowWith(roles, "role", "narrow"), {
        connections: 0,
        limit: 2,
        share: 0,
        isSuperuser: false,
        settings: "statement_timeout=7s"
      })
      assert.deepInclude(rowWith(roles, "role", "postgres"), { limit: null, isSuperuser: true })
    })
  )

  it.effect("report that there are more rows than the limit", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      yield* client(url, "one")
      yield* client(url, "two")
      const { isTruncated, rows } = yield* runCheck({ url }, "connection-age", { limit: 1 })
      assert.deepStrictEqual([rows.length, isTruncated], [1, true])
      assert.isFalse((yield* runCheck({ url }, "connection-age")).isTruncated)
    }).pipe(Effect.scoped)
  )

  it.effect("all run on one connection, which is closed afterwards, and their results follow the schema", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* TestPostgres
      const connections = Effect.map(
        admin("select sessions from pg_stat_database where datname = 'postgres'"),
        (rows) => Number(rows[0]?.["sessions"])
      )
      const before = yield* connections
      const found = yield* inspect({ url }, checkIds)
      assert.deepStrictEqual(
        found.map(({ check }) => check),
        checkIds
      )
      const decoded = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Inspection)))(
        JSON.stringify(found)
      )
      assert.deepStrictEqual(decoded, found)
      yield* until(
        "it has ended",
        Effect.map(
          Effect.orDie(admin("select from pg_stat_activity where application_name = 'effect-supavisor-inspect'")),
          (rows) => rows.length === 0
        )
      )
      yield* until(
        "it is counted",
        Effect.map(Effect.orDie(connections), (now) => now > before)
      )
      assert.strictEqual(yield* connections, before + 1)
    })
  )
})
