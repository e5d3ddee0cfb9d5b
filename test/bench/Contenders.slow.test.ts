import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { database, server } from "../../bench/Database.ts"
import { KEYS, type Operation, operations, type Rows, WIDE_ROWS } from "../../bench/Operation.ts"
import { ContenderProcess } from "../../bench/Process.ts"
import { roster } from "../../bench/Roster.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"

/** Few enough for the pool to lease each session more than once. */
const SESSIONS = 3
const CALLERS = 7
const MILLIS = 20
const BURST = 50
const LEASES = 100

const scope = Scope.makeUnsafe()
let url = ""
let admin: TestPostgres["Service"]["admin"]

beforeAll(() =>
  Effect.runPromise(
    Effect.gen(function* () {
      const context = yield* Layer.build(server)
      admin = Context.get(context, TestPostgres).admin
      url = (yield* Effect.provide(database("direct"), context)).url
    }).pipe(Scope.provide(scope))
  )
)

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const withProcess = async <A>(name: string, f: (process: ContenderProcess) => Promise<A>): Promise<A> => {
  const entry = roster.find((entry) => entry.name === name)
  if (entry === undefined) throw new Error(`No contender ${name}`)
  const process = new ContenderProcess(entry)
  try {
    await process.request("open", { url, sessions: SESSIONS })
    return await f(process)
  } finally {
    await process.end()
  }
}

const balanceOf = async (key: number): Promise<unknown> =>
  (await Effect.runPromise(admin("select balance from bench_point where id = $1", [key])))[0]?.["balance"]

/** A separate key for each contender, so that none reads another's writes. */
const keyOf = (name: string): number => KEYS - roster.findIndex((entry) => entry.name === name)

const createdAt = (id: number): Date => new Date(Date.UTC(2026, 0, 1) + id * 1000)

const checkWide = (rows: Rows): void => {
  assert.lengthOf(rows, WIDE_ROWS)
  const row = rows.find(({ id }) => id === 12)
  assert.deepInclude(row, {
    kind: 5,
    balance: -12,
    name: "name 12",
    street: "street 12",
    latitude: 1.5,
    longitude: -3,
    is_active: true,
    created_at: createdAt(12)
  })
  assert.match(String(row?.["token"]), /^[0-9a-f]{32}$/)
}

const checkRows = async (process: ContenderProcess): Promise<void> => {
  const { can, name } = process.entry
  const key = keyOf(name)
  // The second execution may run on a session that has already prepared the statement.
  const twice = async (operation: Operation): Promise<Rows> => {
    await process.request("runOnce", { operation, key })
    return process.request("runOnce", { operation, key })
  }
  assert.deepStrictEqual(await twice("select1"), [{ one: 1 }])
  assert.deepStrictEqual(await twice("point"), [{ id: key, name: `account ${key}`, balance: 0 }])
  const [inserted] = await twice("insert")
  assert.isAbove(Number(inserted?.["id"]), 0)
  checkWide(await twice("rows"))
  if (can.includes("wait")) assert.deepStrictEqual(await twice("wait"), [{ one: 1 }])
  if (!can.includes("transaction")) return
  assert.deepStrictEqual(await twice("transaction"), [{ id: key, name: `account ${key}`, balance: 1 }])
  assert.strictEqual(await balanceOf(key), 2)
}

const measures = async (process: ContenderProcess): Promise<void> => {
  for (const operation of operations.filter((operation) => process.entry.can.includes(operation))) {
    const measured = await process.request("measure", { operation, callers: CALLERS, millis: MILLIS })
    assert.isAbove(measured.operations, 0)
    assert.isAtLeast(measured.seconds, MILLIS / 1000)
    assert.isAbove(measured.cpuMicros, 0)
    assert.isAbove(measured.latency?.p50 ?? 0, 0)
    assert.isAtLeast(measured.latency?.p99 ?? 0, measured.latency?.p50 ?? Number.NaN)
  }
  const burst = await process.request("burst", { count: BURST })
  assert.isAbove(burst.p99, 0)
  assert.isAtLeast(burst.millis, burst.p99)
}

describe.each(roster.filter(({ can }) => can.includes("burst")))("contender $name", ({ can, name }) => {
  it("returns the right rows for every operation, and supports what its entry lists", () =>
    withProcess(name, async (process) => {
      // Leases first: a run measures them on new sessions.
      if (can.includes("lease")) assert.isAbove((await process.request("lease", { count: LEASES })).seconds, 0)
      if (can.includes("hold")) assert.isAbove(await process.request("connect", { url, sessions: SESSIONS }), 0)
      await checkRows(process)
      await measures(process)
    }))
})

describe("a contender's process", () => {
  it("reports a failure with the contender's name and no password", async () => {
    const secret = decodeURIComponent(new URL(url).password)
    const wrong = url.replace(/:\d+\//, ":1/")
    const error = await withProcess("pg", (process) => process.request("connect", { url: wrong, sessions: 1 })).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.instanceOf(error, Error)
    assert.match(String(error), /Contender pg failed at connect: .*ECONNREFUSED/)
    assert.notInclude(String(error), secret)
  })

  it("fails if a workload needs what the contender does not support", async () => {
    const error = await withProcess("packed", (process) => process.request("lease", { count: 1 })).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.include(String(error), "Contender packed failed at lease: Error: The contender does not support this")
  })
})
