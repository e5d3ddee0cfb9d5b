/**
 * Takes the screenshots of the operations page in `docs/images`: `node docs/screenshots.ts`, about three minutes.
 *
 * It runs the program's layers on a temporary PostgreSQL with the load of a sample shop, causes an outage by a fault
 * proxy, and opens the page in Debian's Chromium.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Fs from "node:fs"
import { type BrowserContextOptions, chromium } from "playwright-core"
import * as HttpLayer from "../src/layers/HttpLayer.ts"
import * as ObservabilityLayer from "../src/layers/ObservabilityLayer.ts"
import * as SupavisorLayer from "../src/layers/SupavisorLayer.ts"
import { FaultMode, FaultProxy } from "../src/testing/FaultProxy.ts"
import { TestPostgres } from "../src/testing/TestPostgres.ts"

const CHROMIUM = "/usr/bin/chromium"
const DIRECTORY = new URL("images/", import.meta.url)

/** Wide enough for three charts in a row, and high enough to show all sessions. */
const DESKTOP = { width: 1280, height: 1500 }
const PHONE = { width: 390, height: 1500 }

/** Rows of the sample shop: enough that its report takes a visible time. */
const CUSTOMERS = 20_000
const ORDERS = 200_000

/** Length of each phase, in seconds. */
const CALM = 110
const CROWD = 45
const OUTAGE = 12

const MAX_SESSIONS = 8
const VISITORS = 5
const CROWDING = 16

/** Pause of a visitor between two requests, in milliseconds. */
const READING_MILLIS = 350
const HURRY_MILLIS = 40

/** Time until the page has loaded its history and drawn its charts, in milliseconds. */
const DRAWN_MILLIS = 2500

const prepare = (sql: PgClient) =>
  Effect.gen(function* () {
    yield* sql`create table customers (id int primary key, name text not null)`
    yield* sql`create table orders (id int primary key, customer_id int not null, total numeric not null, created_at timestamptz not null)`
    yield* sql`insert into customers select i, 'Customer ' || i from generate_series(1, ${CUSTOMERS}) as i`
    yield* sql`insert into orders select i, 1 + i % ${CUSTOMERS}, i % 500, now() - i * interval '1 minute' from generate_series(1, ${ORDERS}) as i`
    yield* sql`create index on orders (customer_id)`
  })

/** The requests of the shop; `report` is rare. */
const requests = (sql: PgClient) => {
  const customer = Effect.map(Random.next, (random) => 1 + Math.floor(random * CUSTOMERS))
  const orders = Effect.flatMap(
    customer,
    (id) =>
      sql`select o.id, o.total, c.name from orders o join customers c on c.id = o.customer_id where c.id = ${id} order by o.created_at desc`
  )
  const checkout = sql.withTransaction(
    Effect.gen(function* () {
      const id = yield* customer
      yield* sql`select total from orders where customer_id = ${id} for update`
      yield* sql`select pg_sleep(0.05)`
      yield* sql`update orders set total = total + 1 where customer_id = ${id}`
    })
  )
  const report = sql`select date_trunc('day', created_at) as day, sum(total) from orders group by day order by day`
  return { orders, checkout, report }
}

/** Repeats a request in a background fiber and ignores its failures. */
const repeat = <E>(name: string, pauseMillis: number, page: Effect.Effect<unknown, E>) =>
  Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.flatMap(Random.next, (random) => Effect.sleep(pauseMillis * (0.5 + random))),
        Effect.ignore(Effect.withSpan(page, name))
      )
    )
  )

const visit = Effect.fnUntraced(function* (sql: PgClient, visitors: number, pauseMillis: number) {
  const { checkout, orders, report } = requests(sql)
  for (let visitor = 0; visitor < visitors; visitor += 1) yield* repeat("GET /orders", pauseMillis, orders)
  yield* repeat("POST /checkout", pauseMillis * 2, checkout)
  yield* repeat("GET /report", pauseMillis * 20, report)
})

/** More load than the pool has sessions for. */
const crowd = Effect.fnUntraced(function* (sql: PgClient) {
  yield* visit(sql, CROWDING, HURRY_MILLIS)
  const slow = sql`select o.id, o.total, pg_sleep(1.4) from orders o where o.total > ${400} order by o.total desc limit 1`
  for (let visitor = 0; visitor < 2 * MAX_SESSIONS; visitor += 1) yield* repeat("GET /search", HURRY_MILLIS, slow)
})

const start = Effect.gen(function* () {
  const postgres = yield* TestPostgres
  const proxy = yield* FaultProxy.make({ target: { host: postgres.host, port: postgres.port } })
  const context = yield* Layer.build(
    HttpLayer.layer.pipe(
      Layer.provideMerge(ObservabilityLayer.layer),
      Layer.provideMerge(
        SupavisorLayer.layer({
          url: proxy.urlThrough(postgres.url),
          applicationName: "shop",
          pool: { min: 2, max: MAX_SESSIONS },
          // Short intervals, so that the screenshots show current data.
          healthCheckInterval: "5 seconds",
          monitorInterval: "5 seconds",
          http: { port: 0 }
        })
      ),
      Layer.provide(Logger.layer([]))
    )
  )
  return {
    proxy,
    sql: Context.get(context, PgClient),
    url: formatAddress(Context.get(context, HttpServer).address)
  }
})

const makeScreenshot = Effect.gen(function* () {
  const browser = yield* Effect.acquireRelease(
    Effect.promise(() => chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })),
    (browser) => Effect.promise(() => browser.close())
  )
  return (url: string, name: string, options: BrowserContextOptions) =>
    Effect.promise(async () => {
      const page = await browser.newPage(options)
      await page.goto(url)
      await page.waitForFunction(() => document.getElementById("number-used")?.textContent !== "–")
      await page.waitForTimeout(DRAWN_MILLIS)
      await page.screenshot({ path: new URL(`page-${name}.png`, DIRECTORY).pathname })
      await page.close()
    })
})

const allScreenshots: Effect.Effect<void, unknown, TestPostgres | Scope.Scope> = Effect.gen(function* () {
  Fs.mkdirSync(DIRECTORY, { recursive: true })
  const { proxy, sql, url } = yield* start
  const take = yield* makeScreenshot
  yield* prepare(sql)
  yield* visit(sql, VISITORS, READING_MILLIS)
  yield* Effect.sleep(CALM * 1000)
  yield* take(url, "idle", { viewport: DESKTOP })
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* crowd(sql)
      yield* Effect.sleep(CROWD * 1000)
      yield* take(url, "busy", { viewport: DESKTOP })
      yield* take(url, "dark", { viewport: DESKTOP, colorScheme: "dark" })
      yield* take(url, "phone", { viewport: PHONE, isMobile: true, hasTouch: true, deviceScaleFactor: 1 })
    })
  )
  yield* proxy.setMode(FaultMode.refuse)
  yield* proxy.cutAll("reset")
  yield* Effect.sleep(OUTAGE * 1000)
  yield* take(url, "outage", { viewport: DESKTOP })
})

await Effect.runPromise(Effect.provide(Effect.scoped(allScreenshots), TestPostgres.layer))
