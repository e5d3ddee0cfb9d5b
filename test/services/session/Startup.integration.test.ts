import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { FaultMode, FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt, stack, untilPool } from "../../PoolHarness.ts"
import { elapsed, timed } from "../../Timing.ts"

const CANARY = "c4nary:/?#[]@%secret"

layer(TestPostgres.layer, { excludeTestServices: true })("at the start, the layer", (it) => {
  const at = Effect.gen(function* () {
    const postgres = yield* TestPostgres
    return { host: postgres.host, port: postgres.port, username: "postgres", database: "postgres" }
  })
  const password = Effect.map(TestPostgres, (postgres) => postgres.server.password)

  const failure = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
    Effect.map(Effect.flip(effect), (error) => {
      assert.instanceOf(error, SessionError)
      return error
    })

  it.effect("fails for a wrong password with the server's message, and never shows it", () =>
    Effect.gen(function* () {
      const error = yield* failure(poolAt({ ...(yield* at), password: CANARY }))
      assert.strictEqual(error.class, "auth")
      assert.strictEqual(error.code, "28P01")
      assert.include(error.message, "authentication phase")
      const shown = `${error.message} ${error.remedy} ${JSON.stringify(error)} ${error.stack}`
      assert.notInclude(shown, CANARY)
      assert.notInclude(shown, encodeURIComponent(CANARY))
    })
  )

  it.effect("fails for a database that does not exist", () =>
    Effect.gen(function* () {
      const error = yield* failure(poolAt({ ...(yield* at), password: yield* password, database: "nowhere" }))
      assert.strictEqual(error.class, "configuration")
      assert.strictEqual(error.code, "3D000")
    })
  )

  it.effect("fails for a setting that the server does not accept", () =>
    Effect.gen(function* () {
      const error = yield* failure(
        poolAt({ ...(yield* at), password: yield* password, sessionSettings: { work_mem: "plenty" } })
      )
      assert.include(error.message, "session phase")
      assert.include(error.message, "work_mem")
    })
  )

  it.effect("accepts every spelling that the server accepts", () =>
    Effect.gen(function* () {
      const { sql } = yield* poolAt({
        ...(yield* at),
        password: yield* password,
        pool: { min: 1, max: 1 },
        sessionSettings: {
          work_mem: "65536",
          maintenance_work_mem: "0.5GB",
          jit: "false",
          enable_seqscan: "0",
          Enable_Hashjoin: "f",
          lock_timeout: "0x1388",
          vacuum_cost_delay: "1500us",
          random_page_cost: "4.00",
          datestyle: "german",
          client_min_messages: "NOTICE",
          extra_float_digits: "+1",
          timezone: "utc",
          intervalstyle: "ISO_8601",
          "shop.Region": "  North, 'x' "
        }
      })
      const [row] = yield* sql`select current_setting('work_mem') as mem, current_setting('jit') as jit,
        current_setting('enable_hashjoin') as join, current_setting('lock_timeout') as lock,
        current_setting('datestyle') as style, current_setting('shop.region') as region`
      assert.deepStrictEqual(row, {
        mem: "64MB",
        jit: "off",
        join: "off",
        lock: "5s",
        style: "German, DMY",
        region: "  North, 'x' "
      })
    })
  )

  it.effect("lets a setting win over the options of the URL, and the options win over a default", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const words = [
        "-c statement_timeout=5000",
        "-c idle_in_transaction_session_timeout=10min",
        "-c Application_Name=billing",
        "--work-mem=65536",
        "-cjit=false",
        "-c lock_timeout=1s"
      ]
      const options = encodeURIComponent(words.join(" "))
      const url = Redacted.make(`${Redacted.value(postgres.url)}?options=${options}`)
      const read = Effect.fnUntraced(function* (settings: SettingsInput) {
        const { sql } = yield* poolAt({ url, applicationName: undefined, pool: { min: 1, max: 1 }, ...settings })
        const [row] = yield* sql`select current_setting('statement_timeout') as st,
          current_setting('idle_in_transaction_session_timeout') as it, current_setting('application_name') as app,
          current_setting('work_mem') as mem, current_setting('jit') as jit, current_setting('lock_timeout') as lock`
        return row
      }, Effect.scoped)
      const fromOptions = { st: "5s", it: "10min", app: "billing", mem: "64MB", jit: "off", lock: "1s" }
      assert.deepStrictEqual(yield* read({}), fromOptions)
      const own = { statementTimeout: "7 seconds", applicationName: "shop", sessionSettings: { LOCK_TIMEOUT: "2000" } }
      assert.deepStrictEqual(yield* read(own as SettingsInput), { ...fromOptions, st: "7s", app: "shop", lock: "2s" })
    })
  )

  it.effect("names a setting that the server does not know", () =>
    Effect.gen(function* () {
      const unknown = (settings: object) =>
        Effect.gen(function* () {
          const all = { ...(yield* at), password: yield* password, ...settings } as SettingsInput
          const error = yield* failure(poolAt(all))
          assert.strictEqual(error.code, "CONFIGURATION_INVALID")
          return error.message
        })
      assert.include(yield* unknown({ sessionSettings: { nope: 1 } }), "sessionSettings.nope")
      assert.include(yield* unknown({ sessionSettings: { work_mem: 1024, jitt: false } }), "sessionSettings.jitt")
      assert.include(
        yield* unknown({ sessionSettings: { statment_timeout: "5s" } }),
        "sessionSettings.statment_timeout"
      )
      const url = `${Redacted.value((yield* TestPostgres).url)}?options=-c%20lock_timeuot%3D1s`
      assert.include(
        yield* unknown({
          url,
          host: undefined,
          port: undefined,
          username: undefined,
          database: undefined,
          password: undefined
        }),
        "sessionSettings.lock_timeuot"
      )
    })
  )

  it.effect("retries while the server is down, and has its sessions when it is up", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
      yield* proxy.setMode(FaultMode.refuse)
      const { pool, sql } = yield* poolAt({ url: proxy.urlThrough(postgres.url), pool: { min: 2, max: 2 } })
      assert.strictEqual((yield* pool.snapshot).phase, "starting")
      yield* proxy.setMode(FaultMode.pass)
      yield* untilPool(pool, "min is open", (s) => s.open === 2 && s.phase === "open")
      yield* sql`select 1`
    })
  )

  it.effect("fails for any reason with DB_STARTUP=fail-fast", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
      yield* proxy.setMode(FaultMode.refuse)
      const error = yield* failure(poolAt({ url: proxy.urlThrough(postgres.url), startup: "fail-fast" }))
      assert.strictEqual(error.class, "network")
      assert.strictEqual(error.code, "ECONNREFUSED")
      assert.include(error.message, "tcp phase")
    })
  )

  it.effect(
    "keeps to the connect timeout, and names the phase in which it expired",
    () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
        yield* proxy.setMode(FaultMode.stallAccept)
        const settings = { url: proxy.urlThrough(postgres.url), startup: "fail-fast", connectTimeout: 300 } as const
        const silent = failure(poolAt(settings))
        assert.isBelow(yield* elapsed(silent), 1500)
        assert.include((yield* silent).message, "authentication phase")
        yield* proxy.setMode(FaultMode.when(FaultMode.contains("set_config"), FaultMode.blackhole()))
        assert.include((yield* silent).message, "session phase")
      }),
    timed
  )

  it.effect("calls a password provider at each login", () =>
    Effect.gen(function* () {
      const secret = yield* password
      let reads = 0
      const provider = Effect.sync(() => {
        reads++
        return secret
      })
      const { pool } = yield* poolAt({ ...(yield* at), password: provider, pool: { min: 3, max: 3 } })
      yield* untilPool(pool, "min is open", (s) => s.open === 3)
      assert.strictEqual(reads, 3)
    })
  )

  it.effect("applies and verifies every setting in the first round trip, none of them in the startup packet", () =>
    Effect.gen(function* () {
      const chunks: Array<Buffer> = []
      const postgres = yield* TestPostgres
      const proxy = yield* FaultProxy.make({
        target: { host: postgres.host, port: postgres.port },
        mode: FaultMode.when((chunk, direction) => {
          if (direction === "toServer") chunks.push(Buffer.from(chunk))
          return false
        }, FaultMode.pass)
      })
      const { sql } = yield* poolAt({
        url: Redacted.make(`${Redacted.value(proxy.urlThrough(postgres.url))}?options=-c%20work_mem%3D5MB`),
        applicationName: "named",
        statementTimeout: "7 seconds",
        idleInTransactionTimeout: "8 seconds",
        searchPath: "pg_catalog",
        sessionSettings: { lock_timeout: "9s" },
        pool: { min: 1, max: 1 }
      })
      const [row] = yield* sql`select current_setting('statement_timeout') as st,
        current_setting('idle_in_transaction_session_timeout') as it, current_setting('application_name') as app,
        current_setting('search_path') as path, current_setting('lock_timeout') as lock,
        current_setting('work_mem') as mem`
      assert.deepStrictEqual(row, { st: "7s", it: "8s", app: "named", path: "pg_catalog", lock: "9s", mem: "5MB" })
      const startup = chunks[0]!
      assert.isBelow(startup.length, 1024)
      assert.strictEqual(startup.readUInt32BE(0), startup.length, "the startup packet is one write")
      const words = startup
        .subarray(8)
        .toString()
        .split("\0")
        .filter((_, index) => index % 2 === 0)
      assert.sameMembers(
        words.filter((word) => word !== ""),
        ["user", "database", "application_name", "client_encoding"]
      )
      const applied = chunks.filter((chunk) => chunk.includes("set_config"))
      assert.strictEqual(applied.length, 1)
    })
  )

  it.effect("can be built without waiting for a session", () =>
    Effect.gen(function* () {
      const { pool } = yield* poolAt({ host: "127.0.0.1", port: 1, username: "x", password: "y", startup: "lazy" })
      assert.strictEqual((yield* pool.snapshot).open, 0)
    })
  )

  it.effect("fails without a configured server, and names the variable to set", () =>
    Effect.gen(function* () {
      const error = yield* failure(poolAt({}))
      assert.include(error.message, "SUPABASE_SESSION_POOLER")
    })
  )

  it.effect("recovers with the provider's new password after a rotation, without a restart", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      yield* postgres.admin("create role rotating login password 'first'")
      let current = "first"
      const { pool, proxy, sql } = yield* stack({
        url: undefined,
        ...(yield* at),
        username: "rotating",
        password: Effect.sync(() => Redacted.make(current)),
        pool: { min: 1, max: 1 }
      })
      assert.strictEqual(proxy.open(), 0, "this pool goes to the server directly")
      yield* sql`select 1`
      yield* postgres.admin("alter role rotating password 'second'")
      yield* pool.reset
      yield* untilPool(pool, "a login was refused", (s) => s.counters.dialsFailed.auth > 0)
      current = "second"
      yield* untilPool(pool, "the session is back", (s) => s.open === 1)
      yield* sql`select 1`
    })
  )
})
