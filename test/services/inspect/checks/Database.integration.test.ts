import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { runCheck, client, serverWithStatistics, inspect, outcomeOf, rowWith } from "./TestInspector.ts"

/** Enough rows for the rules, few enough for a slow machine. */
const ROWS = 40_000

/** The error of the estimate for a small index: it does not count inner pages. */
const ONE_PAGE = 8192

layer(serverWithStatistics, { excludeTestServices: true })("The checks of a database", (it) => {
  it.effect("estimate what VACUUM FULL returns", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const owner = yield* client(url, "owner")
      for (const [table, fill] of [
        ["bloated", 100],
        ["dense", 100],
        ["roomy", 50]
      ] as const) {
        yield* owner.run(
          `create table ${table} (id int primary key, word text, note text, n bigint) with (fillfactor = ${fill})`
        )
        yield* owner.run(
          `insert into ${table} select n, 'w' || n, case when n % 3 = 0 then repeat('x', 300) end, n from generate_series(1, ${ROWS}) n`
        )
      }
      yield* owner.run("delete from bloated where id % 10 <> 0")
      yield* owner.run("vacuum analyze")
      const found = yield* runCheck({ url }, "bloat")
      const table = rowWith(found, "name", "public.bloated")
      const index = rowWith(found, "name", "public.bloated_pkey")
      assert.strictEqual(found.rows[0], table, "the worst first")
      assert.deepInclude(table, { kind: "table" })
      assert.strictEqual(outcomeOf(found, "little-waste"), Number(table["waste"]) > 10_485_760 ? "fail" : "pass")
      assert.include(found.nextSteps.join("\n"), "vacuum (analyze) public.bloated;")
      assert.include(found.nextSteps.join("\n"), "reindex index concurrently public.bloated_pkey;")
      for (const { name, wasteShare } of found.rows) {
        if (!String(name).includes("bloated")) assert.isBelow(Number(wasteShare), 0.1, String(name))
      }
      const sizeOf = (relation: string) =>
        Effect.map(owner.run(`select pg_relation_size('${relation}')::float8 as size`), ([row]) =>
          Number(row?.["size"])
        )
      yield* owner.run("vacuum full bloated")
      for (const [row, name] of [
        [table, "bloated"],
        [index, "bloated_pkey"]
      ] as const) {
        const truth = yield* sizeOf(name)
        const estimate = Number(row["size"]) - Number(row["waste"])
        assert.approximately(
          estimate,
          truth,
          Math.max(0.05 * truth, ONE_PAGE),
          `${name}: ${estimate} estimated, ${truth} true`
        )
      }
    }).pipe(Effect.scoped)
  )

  it.effect("find unused and invalid indexes, sequential scans and due vacuums", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const owner = yield* client(url, "owner")
      yield* owner.run(`create table "Odd Name" (id int, v text)`)
      yield* owner.run(`insert into "Odd Name" select n, md5(n::text) from generate_series(1, ${ROWS}) n`)
      yield* owner.run(`create index unused_one on "Odd Name" (v)`)
      yield* owner.run(`insert into "Odd Name" values (1, 'twice')`)
      yield* Effect.exit(owner.run(`create unique index concurrently broken on "Odd Name" (id)`))
      yield* owner.run(`select count(*) from "Odd Name"`)
      yield* owner.run(`delete from "Odd Name" where id % 2 = 0`)
      yield* owner.run("analyze")
      yield* owner.run("select pg_stat_force_next_flush()::text")

      const indexes = yield* runCheck({ url }, "index-stats")
      assert.deepInclude(rowWith(indexes, "index", "public.unused_one"), { isUnused: true, isValid: true, scans: 0 })
      assert.deepInclude(rowWith(indexes, "index", "public.broken"), { isValid: false, table: 'public."Odd Name"' })
      assert.strictEqual(indexes.rows[0]?.["index"], "public.broken", "invalid indexes come first")
      assert.strictEqual(outcomeOf(indexes, "indexes-valid"), "fail")
      assert.strictEqual(outcomeOf(indexes, "indexes-used"), "fail")
      assert.include(indexes.nextSteps.join("\n"), "drop index concurrently public.unused_one;")

      const [tables, vacuum, stats] = yield* inspect({ url }, ["table-stats", "vacuum-stats", "db-stats"])
      // The checks run in their own order: db-stats, table-stats, vacuum-stats.
      const byName = new Map([tables, vacuum, stats].map((found) => [found?.check, found]))
      const table = rowWith(byName.get("table-stats")!, "table", 'public."Odd Name"')
      assert.isAtLeast(Number(table["wholeReads"]), 1)
      assert.strictEqual(Number(table["totalSize"]), Number(table["tableSize"]) + Number(table["indexSize"]))
      assert.strictEqual(outcomeOf(byName.get("table-stats")!, "tables-have-indexes"), "fail")
      const due = rowWith(byName.get("vacuum-stats")!, "table", 'public."Odd Name"')
      assert.deepInclude(due, { isDue: true, isSwitchedOff: true, lastVacuum: null, deadRows: ROWS / 2 })
      assert.strictEqual(outcomeOf(byName.get("vacuum-stats")!, "vacuum-keeps-up"), "fail")
      assert.include(byName.get("vacuum-stats")!.nextSteps.join("\n"), 'vacuum (verbose, analyze) public."Odd Name";')
      const database = byName.get("db-stats")!.rows[0]!
      assert.isAbove(Number(database["size"]), Number(table["totalSize"]))
      assert.isAbove(Number(database["walSize"]), 0)
    }).pipe(Effect.scoped)
  )

  it.effect("count statements with every version of pg_stat_statements, and show no password of a command", () =>
    Effect.gen(function* () {
      const { admin } = yield* TestPostgres
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const missing = yield* runCheck({ url }, "outliers")
      assert.strictEqual(missing.status, "unavailable")
      assert.match(missing.reason ?? "", /not in the database test_\d+/)
      assert.match(missing.nextSteps.join(), /create extension if not exists pg_stat_statements/)
      assert.deepStrictEqual([missing.rows, missing.empty], [[], null])

      const owner = yield* client(url, "owner")
      for (const version of ["1.7", "1.9", "1.10", undefined]) {
        yield* owner.run("drop extension if exists pg_stat_statements")
        yield* owner.run(
          version === undefined
            ? "create extension pg_stat_statements"
            : `create extension pg_stat_statements version '${version}'`
        )
        yield* admin("select pg_sleep(0)")
        yield* owner.run("create role dweller password 'sup3r-s3cret'")
        yield* owner.run("drop role dweller")
        yield* owner.run("select pg_sleep(0.03), 'v4lue'")
        for (let call = 0; call < 5; call++) yield* owner.run("select 'v4lue' as often")
        const [outliers, calls] = yield* inspect({ url }, ["outliers", "calls"], { limit: 1000 })
        assert.deepStrictEqual([outliers?.status, calls?.status], ["answered", "answered"], version)
        const all = JSON.stringify([outliers, calls])
        assert.include(all, "create role dweller password '?'")
        assert.notMatch(all, /sup3r-s3cret|v4lue/)
        const slept = rowWith(outliers!, "statement", "select pg_sleep($1), $2")
        assert.isAtLeast(Number(slept["meanMillis"]), 30)
        assert.strictEqual(rowWith(calls!, "statement", "select $1 as often")["role"], "postgres")
        const totals = outliers!.rows.map(({ totalMillis }) => Number(totalMillis))
        assert.deepStrictEqual(
          totals,
          totals.toSorted((one, other) => other - one)
        )
        const counts = calls!.rows.map((row) => Number(row["calls"]))
        assert.deepStrictEqual(
          counts,
          counts.toSorted((one, other) => other - one)
        )
      }
    }).pipe(Effect.scoped)
  )

  it.effect("find a slot without a reader that retains the log", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* TestPostgres
      assert.match((yield* runCheck({ url }, "replication-slots")).empty ?? "", /no replication slots/)
      yield* admin("select 1 as one from pg_create_logical_replication_slot('forgotten', 'test_decoding')")
      yield* Effect.addFinalizer(() => Effect.orDie(admin("select pg_drop_replication_slot('forgotten')::text")))
      assert.strictEqual(outcomeOf(yield* runCheck({ url }, "replication-slots"), "slots-are-read"), "pass")
      for (let segment = 0; segment < 3; segment++) {
        yield* admin("select pg_logical_emit_message(false, 'test', 'x')::text")
        yield* admin("select pg_switch_wal()::text")
      }
      const found = yield* runCheck({ url }, "replication-slots")
      assert.deepInclude(rowWith(found, "slot", "forgotten"), {
        active: false,
        type: "logical",
        plugin: "test_decoding"
      })
      assert.strictEqual(outcomeOf(found, "slots-are-read"), "fail")
      assert.include(found.nextSteps.join("\n"), "select pg_drop_replication_slot('forgotten');")
    }).pipe(Effect.scoped)
  )

  it.effect("do not wait for an exclusive lock: the table has no size, and a note reports it", () =>
    Effect.gen(function* () {
      const { url } = yield* (yield* TestPostgres).freshDatabase
      const owner = yield* client(url, "owner")
      yield* owner.run("create table locked_one (id int primary key, v text)")
      yield* owner.run("create table free_one (id int primary key, v text)")
      yield* owner.run("insert into free_one values (1, 'x')")
      yield* owner.run("insert into locked_one values (1, 'x')")
      yield* owner.run("analyze")
      const migration = yield* client(url, "migration")
      yield* migration.run("begin")
      yield* migration.run("lock table locked_one in access exclusive mode")
      const found = yield* inspect({ url }, [
        "db-stats",
        "index-stats",
        "table-stats",
        "bloat",
        "vacuum-stats",
        "locks"
      ])
      assert.deepStrictEqual(
        found.map(({ check, status }) => `${check} ${status}`),
        ["locks", "db-stats", "index-stats", "table-stats", "bloat", "vacuum-stats"].map((name) => `${name} answered`)
      )
      const of = (name: string) => found.find(({ check }) => check === name)!
      assert.deepInclude(rowWith(of("table-stats"), "table", "public.locked_one"), { totalSize: null, isLocked: true })
      assert.isAbove(Number(rowWith(of("table-stats"), "table", "public.free_one")["totalSize"]), 0)
      assert.deepInclude(rowWith(of("index-stats"), "index", "public.locked_one_pkey"), { size: null, isLocked: true })
      assert.match(of("db-stats").unseen.join(), /1 table is locked exclusively/)
      assert.deepInclude(rowWith(of("bloat"), "name", "public.locked_one"), { size: null, waste: null })
      assert.deepInclude(rowWith(of("locks"), "relation", "public.locked_one"), {
        mode: "AccessExclusiveLock",
        granted: true
      })
    }).pipe(Effect.scoped)
  )
})
