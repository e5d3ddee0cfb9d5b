import { assert, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"
import { saslPrep } from "../../../src/services/wire/SaslPrep.ts"
import { FakeSupavisor } from "../../../src/services/embedded/FakeSupavisor.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"

/** Passwords with the form in which PostgreSQL hashes them (RFC 4013; libpq's tables). */
const passwords: ReadonlyArray<readonly [kind: string, password: string, prepared: string]> = [
  ["ASCII", "secret", "secret"],
  ["decomposed", "nai\u0308ve", "naïve"],
  ["decomposed, of several marks", "e\u0323\u0302x", "\u1ec7x"],
  ["a no-break space", "a\u00a0b", "a b"],
  ["an ideographic space", "a\u3000b", "a b"],
  ["full width", "\uff50\uff57\uff11", "pw1"],
  ["a ligature and a fraction", "o\ufb03ce\u00bd", "office1\u20442"],
  ["a soft hyphen and a joiner", "se\u00adcr\u200det", "secret"],
  ["a Roman numeral", "\u2168x", "IXx"],
  ["Hebrew alone", "\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"],
  ["Hangul, decomposed", "\u1112\u1161\u11ab", "\ud55c"],
  ["only what is removed, so as it is", "\u00ad\u200d", "\u00ad\u200d"],
  ["a control character beside letters, so as it is", "a\u0308\u0007", "a\u0308\u0007"],
  ["an emoji that Unicode 3.2 lacks, so as it is", "a\u0308\u{1f511}", "a\u0308\u{1f511}"],
  ["both directions, so as it is", "\u05d0a\u0308", "\u05d0a\u0308"],
  ["private use, so as it is", "a\u0308\ue000", "a\u0308\ue000"]
]

/** ErrorResponse of a wrong password. */
const fatal = (() => {
  const fields = Buffer.from("SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0")
  const length = Buffer.alloc(4)
  length.writeInt32BE(fields.length + 4)
  return Buffer.concat([Buffer.from("E"), length, fields])
})()

it("a password is prepared as RFC 4013 and libpq do, and a lone surrogate is not touched", () => {
  for (const [kind, password, prepared] of passwords) assert.strictEqual(saslPrep(password), prepared, kind)
  assert.strictEqual(saslPrep("a\u0308\ud800"), "a\u0308\ud800")
})

layer(TestPostgres.layer, { excludeTestServices: true })("a password that SASLprep changes", (it) => {
  it.effect("logs in where psql does, at PostgreSQL and behind the pooler", () =>
    Effect.gen(function* () {
      const { admin, host, port } = yield* TestPostgres
      for (const [index, [kind, password]] of passwords.entries()) {
        const username = `prepared_${index}`
        yield* admin(`create role ${username} login password '${password}'`)
        const upstream = { host, port, username, password: Redacted.make(password), database: "postgres" }
        const fake = yield* FakeSupavisor.make({ upstream })
        const direct = { host, port, username, password, database: "postgres" }
        for (const settings of [direct, { url: fake.url() }]) {
          const { sql } = yield* poolAt({ ...settings, pool: { min: 1, max: 1 }, startup: "fail-fast" })
          assert.deepStrictEqual(yield* sql`select session_user::text as name`, [{ name: username }], kind)
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("is sent as it is to a server that asks for clear text", () =>
    Effect.gen(function* () {
      const received: Array<string> = []
      const server = Net.createServer((socket) => {
        socket.on("error", () => {})
        socket.once("data", () => {
          socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]))
          socket.once("data", (message) => {
            received.push(message.toString("utf8", 5, message.length - 1))
            socket.end(fatal)
          })
        })
      })
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
        }),
        () => Effect.sync(() => server.close())
      )
      for (const password of ["a\u0308b\u00a0c", "abc"]) {
        const settings = { host: "127.0.0.1", port, username: "u", password, database: "d" }
        yield* Effect.flip(poolAt({ ...settings, pool: { min: 1, max: 1 }, startup: "fail-fast" }))
      }
      assert.deepStrictEqual(received, ["\u00e4b c", "a\u0308b\u00a0c", "abc"])
    }).pipe(Effect.scoped)
  )
})
