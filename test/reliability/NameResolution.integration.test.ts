import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import Dns from "node:dns"
import { syncBuiltinESMExports } from "node:module"
import * as Net from "node:net"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { poolAt, untilPool } from "../PoolHarness.ts"
import { elapsed, timed } from "../Timing.ts"

type Answer = ReadonlyArray<string> | Error | "silence"

/** The second address of loopback on Linux; macOS has none, and skips what needs two. */
const OTHER_LOOPBACK = "127.0.0.2"

const CONNECT_MILLIS = 400

/** A connection to this machine, with an address in front of it that refuses. */
const QUICK_MILLIS = 300

/** Answers every name of this process with the answer of the test, until the scope closes. */
const resolver = (first: Answer) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const real = Dns.lookup
      const names = { answer: first, lookups: 0, restore: () => use(real) }
      const use = (lookup: unknown) => {
        Dns.lookup = lookup as typeof Dns.lookup
        syncBuiltinESMExports()
      }
      use((_name: string, _options: object, callback: (error: Error | null, addresses?: unknown) => void) => {
        names.lookups += 1
        const { answer } = names
        if (answer === "silence") return
        if (answer instanceof Error) return queueMicrotask(() => callback(answer))
        const addresses = answer.map((address) => ({ address, family: Net.isIP(address) }))
        queueMicrotask(() => callback(null, addresses))
      })
      return names
    }),
    (names) => Effect.sync(() => names.restore())
  )

const lookupError = (code: string) =>
  Object.assign(new Error(`getaddrinfo ${code} db.test`), { code, syscall: "getaddrinfo" })

/** The server again, at another address of this machine; undefined where there is none. */
const secondAddress = Effect.gen(function* () {
  const { host, port } = yield* TestPostgres
  const sockets = new Set<Net.Socket>()
  return yield* Effect.acquireRelease(
    Effect.callback<Net.Server | undefined>((resume) => {
      const server = Net.createServer((client) => {
        const upstream = Net.connect({ host, port })
        for (const socket of [client, upstream]) sockets.add(socket.on("error", () => {}))
        client.pipe(upstream).pipe(client)
      })
      server.once("error", () => resume(Effect.succeed(undefined)))
      server.listen(port, OTHER_LOOPBACK, () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server?.close()
      })
  )
})

const at = Effect.map(
  TestPostgres,
  ({ port, server }) =>
    ({
      host: "db.test",
      port,
      username: server.username,
      password: server.password,
      ssl: { mode: "disable" }
    }) as const
)

layer(TestPostgres.layer, { excludeTestServices: true })("a host name", (it) => {
  it.effect(
    "that moves to another address is resolved again by the next dial, and reset ends the old sessions",
    (test) =>
      Effect.gen(function* () {
        if ((yield* secondAddress) === undefined) return test.skip(`this machine has no ${OTHER_LOOPBACK}`)
        const names = yield* resolver(["127.0.0.1"])
        const { pool } = yield* poolAt({ ...(yield* at), pool: { min: 1, max: 1 } })
        const address = pool.use((session) => Effect.succeed(session.info.address))
        assert.strictEqual(yield* address, "127.0.0.1")
        names.answer = [OTHER_LOOPBACK]
        yield* pool.reset
        yield* untilPool(pool, "the session was replaced", (s) => s.counters.closed.evicted === 1 && s.open === 1)
        assert.strictEqual(yield* address, OTHER_LOOPBACK)
        assert.strictEqual(names.lookups, 2)
      })
  )

  it.effect(
    "with an address that refuses is reached at the next address without delay",
    () =>
      Effect.gen(function* () {
        yield* resolver(["::1", "127.0.0.1"])
        const { pool } = yield* poolAt({ ...(yield* at), startup: "lazy", pool: { min: 0, max: 1 } })
        let address: string | undefined
        const millis = yield* elapsed(
          pool.use((session) =>
            Effect.sync(() => {
              address = session.info.address
            })
          )
        )
        assert.strictEqual(address, "127.0.0.1")
        assert.isBelow(millis, QUICK_MILLIS)
      }),
    timed
  )

  it.effect("that is unknown is a configuration error in the dns phase", () =>
    Effect.gen(function* () {
      yield* resolver(lookupError("ENOTFOUND"))
      const { pool } = yield* poolAt({ ...(yield* at), startup: "lazy", pool: { min: 0, max: 1 } })
      const error = yield* Effect.flip(pool.use(() => Effect.void))
      assert.strictEqual(error.class, "configuration")
      assert.include(error.message, "dns phase")
      assert.include(error.message, "db.test")
    })
  )

  for (const [what, answer, code] of [
    ["whose name server fails", lookupError("EAI_AGAIN"), "DNS_TEMPORARY"],
    ["whose name server does not reply", "silence", "ETIMEDOUT"]
  ] as const) {
    it.effect(`${what} fails the dial in the dns phase, and is retried until it is found`, () =>
      Effect.gen(function* () {
        const names = yield* resolver(answer)
        const settings = { ...(yield* at), connectTimeout: CONNECT_MILLIS } as const
        const { pool, sql } = yield* poolAt({ ...settings, startup: "lazy", pool: { min: 0, max: 1 } })
        const caller = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
        yield* untilPool(pool, "the dial failed", (s) => s.counters.dialsFailed.network > 0)
        const { lastFailure } = yield* pool.snapshot
        assert.strictEqual(lastFailure?.code, code)
        assert.include(lastFailure?.message, "dns phase")
        assert.include(lastFailure?.message, "db.test")
        names.answer = ["127.0.0.1"]
        assert.deepStrictEqual(yield* Fiber.join(caller), [{ one: 1 }])
      })
    )
  }
})
