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

/** Enough for the pool to lend each session more than once. */
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

const apart = async <A>(name: string, f: (process: ContenderProcess) => Promise<A>): Promise<A> => {
  const entry = roster.find((entry) => entry.name === name)
  if (entry === undefined) throw new Error(`No contender ${name}`)
  const process = new ContenderProcess(entry)
  try {
    await process.ask("open", { url, sessions: SESSIONS })
    return await f(process)
  } finally {
    await process.end()
  }
}

const balanceOf = async (key: number): Promise<unknown> =>
  (await Effect.runPromise(admin("select balance from bench_point where id = $1", [key])))[0]?.["balance"]

/** A key for each contender, so that none sees what another has written. */
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

const answersRightly = async (process: ContenderProcess): Promise<void> => {
  const { can, name } = process.entry
  const key = keyOf(name)
  // the second answer comes from a session that may know the statement already
  const answer = async (operation: Operation): Promise<Rows> => {
    await process.ask("answer", { operation, key })
    return process.ask("answer", { operation, key })
  }
  assert.deepStrictEqual(await answer("select1"), [{ one: 1 }])
  assert.deepStrictEqual(await answer("point"), [{ id: key, name: `account ${key}`, balance: 0 }])
  const [inserted] = await answer("insert")
  assert.isAbove(Number(inserted?.["id"]), 0)
  checkWide(await answer("rows"))
  if (can.includes("wait")) assert.deepStrictEqual(await answer("wait"), [{ one: 1 }])
  if (!can.includes("transaction")) return
  assert.deepStrictEqual(await answer("transaction"), [{ id: key, name: `account ${key}`, balance: 1 }])
  assert.strictEqual(await balanceOf(key), 2)
}

const measures = async (process: ContenderProcess): Promise<void> => {
  for (const operation of operations.filter((operation) => process.entry.can.includes(operation))) {
    const measured = await process.ask("measure", { operation, callers: CALLERS, millis: MILLIS })
    assert.isAbove(measured.operations, 0)
    assert.isAtLeast(measured.seconds, MILLIS / 1000)
    assert.isAbove(measured.cpuMicros, 0)
    assert.isAbove(measured.latency?.p50 ?? 0, 0)
    assert.isAtLeast(measured.latency?.p99 ?? 0, measured.latency?.p50 ?? Number.NaN)
  }
  const burst = await process.ask("burst", { count: BURST })
  assert.isAbove(burst.p99, 0)
  assert.isAtLeast(burst.millis, burst.p99)
}

describe.each(roster.filter(({ can }) => can.includes("burst")))("contender $name", ({ can, name }) => {
  it("answers every operation rightly, and does what it says it can do", () =>
    apart(name, async (process) => {
      // leases first, as a run asks them of fresh sessions
      if (can.includes("lease")) assert.isAbove((await process.ask("lease", { count: LEASES })).seconds, 0)
      if (can.includes("hold")) assert.isAbove(await process.ask("connect", { url, sessions: SESSIONS }), 0)
      await answersRightly(process)
      await measures(process)
    }))
})

describe("a contender's process", () => {
  it("reports a failure with the contender's name and no password", async () => {
    const secret = decodeURIComponent(new URL(url).password)
    const wrong = url.replace(/:\d+\//, ":1/")
    const error = await apart("pg", (process) => process.ask("connect", { url: wrong, sessions: 1 })).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.instanceOf(error, Error)
    assert.match(String(error), /Contender pg failed at connect: .*ECONNREFUSED/)
    assert.notInclude(String(error), secret)
  })

  it("says so when a workload asks for what the contender cannot do", async () => {
    const error = await apart("packed", (process) => process.ask("lease", { count: 1 })).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.include(String(error), "Contender packed failed at lease: Error: The contender cannot do this")
  })
})
