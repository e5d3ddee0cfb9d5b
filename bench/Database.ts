/** The benchmark's database and tables, reached directly or through a pooler. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { FakeSupavisor } from "../src/services/embedded/FakeSupavisor.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"
import { PgBouncer } from "../test/pgbouncer/PgBouncer.ts"
import { KEYS, WIDE_ROWS } from "./Operation.ts"

/** How the contenders reach the database. */
export type Route = "direct" | "fake" | "pgbouncer"

export const routes: ReadonlyArray<Route> = ["direct", "fake", "pgbouncer"]

/** Every contender keeps ten sessions during the whole run, and one at a time opens a hundred more. */
const MAX_CONNECTIONS = 500

/** Sessions of a pooler; the rest is left for the administrator. */
const POOLER_SESSIONS = MAX_CONNECTIONS - 20

/** Autovacuum and checkpoints would slow down some rounds and not others. */
const SERVER = { maxConnections: MAX_CONNECTIONS, settings: { autovacuum: "off", checkpoint_timeout: "1h" } }

const tables: ReadonlyArray<string> = [
  "create table bench_point (id integer primary key, name text not null, balance integer not null) with (fillfactor = 70)",
  `insert into bench_point select id, 'account ' || id, 0 from generate_series(1, ${KEYS}) id`,
  "create table bench_insert (id integer generated always as identity primary key, caller integer not null, note text not null)",
  `create table bench_wide as
     select id, id % 7 as kind, -id as balance, 'name ' || id as name, md5(id::text) as token,
       'street ' || (id % 90) as street, id / 8.0::float8 as latitude, -id / 4.0::float8 as longitude,
       id % 2 = 0 as is_active, timestamptz '2026-01-01 00:00:00Z' + id * interval '1 second' as created_at
     from generate_series(1, ${WIDE_ROWS}) id`,
  "vacuum analyze"
]

const urlThrough = (route: Route) =>
  Effect.gen(function* () {
    const { server, url } = yield* TestPostgres
    if (route === "direct") return url
    if (route === "pgbouncer") {
      const sizes = { default_pool_size: POOLER_SESSIONS, max_client_conn: POOLER_SESSIONS }
      return (yield* PgBouncer.make(sizes)).url
    }
    const pooler = yield* FakeSupavisor.make({ upstream: server, poolSize: POOLER_SESSIONS })
    return pooler.url()
  })

/** Fills the tables, and starts the route's pooler until the scope closes. */
export const database = Effect.fnUntraced(function* (route: Route) {
  const { admin } = yield* TestPostgres
  for (const table of tables) yield* admin(table)
  const [row] = yield* admin("show server_version")
  return { url: Redacted.value(yield* urlThrough(route)), version: String(row?.["server_version"]) }
})

export const server = TestPostgres.layerWith(SERVER)
