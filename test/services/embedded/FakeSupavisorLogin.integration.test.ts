import { assert, layer } from "@effect/vitest"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { logIn, open } from "./fake-supavisor/RecordingClient.ts"
import { selfSigned } from "./fake-supavisor/SelfSigned.ts"
import { changed, lastError, startFake } from "./fake-supavisor/StartFake.ts"
import { timed } from "../../Timing.ts"

const SWIFT = 0.03
const tls = selfSigned()
const blocked = "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked"
const wrongPassword = 'password authentication failed for user "postgres"'

/** What the server answers to raw bytes, each sent on its own, until it closes. */
const answerTo = (port: number, ...writes: ReadonlyArray<string | Uint8Array>) =>
  Effect.callback<string>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true })
    let answer = ""
    socket.on("connect", () => socket.write(writes[0] ?? ""))
    let written = 1
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1")
      const next = writes[written++]
      if (next !== undefined) socket.write(next)
    })
    socket.on("error", () => socket.destroy())
    socket.on("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => socket.destroy())
  })

const startup = (parameters: { readonly user: string } & Record<string, string>) =>
  PgProtocol.encodeStartupMessage(parameters)

layer(TestPostgres.layer, { excludeTestServices: true })("the login of FakeSupavisor", (it) => {
  it.effect("finds the tenant by options=reference, by the last dot, and each has roles of its own", () =>
    Effect.gen(function* () {
      const reader = { password: Redacted.make("p@ss/w%rd") }
      const fake = yield* startFake({
        timeScale: SWIFT,
        tenants: { alpha: { roles: { "my.role": reader } }, beta: { roles: { agent: {} }, database: "template1" } }
      })
      const dotted = yield* logIn(fake.url("my.role"))
      assert.deepStrictEqual(yield* dotted.run("select 1"), [["1"]])
      const url = changed(fake.url("my.role"), { username: "my.role" })
      yield* logIn(url, { options: "--reference=alpha" })
      yield* logIn(url, { options: "reference=alpha&search_path=app" })
      const beta = yield* logIn(fake.url("agent", { tenant: "beta" }))
      assert.deepStrictEqual(yield* beta.run("select current_database()"), [["template1"]])
      assert.deepStrictEqual(
        fake.clients().map(({ role, tenant }) => `${role} ${tenant}`),
        ["my.role alpha", "my.role alpha", "my.role alpha", "agent beta"]
      )
      const lost = yield* logIn(url, { options: "-c work_mem=1MB reference=alpha" })
      assert.strictEqual(lastError(lost), "(ENOTFOUND) tenant/user my.role not found")
    })
  )

  it.effect("refuses an invalid startup message with the reason", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const user = "postgres.abcdefghijklmnopqrst"
      const packet = Buffer.from(startup({ user }))
      const large = startup({ user, options: "x".repeat(1200) })
      const cases: ReadonlyArray<readonly [Uint8Array | string, string]> = [
        [packet.subarray(0, 20), "08P01\0M(ESTARTUPMESSAGE) Invalid startup message: :bad_startup_payload\0"],
        [Buffer.concat([packet, packet]), "(ESTARTUPMESSAGE) Invalid startup message: :bad_startup_payload"],
        [Buffer.from("0000000804d21630", "hex"), "(ESTARTUPMESSAGE) Invalid startup message: :bad_startup_payload"],
        [Buffer.from(packet.toString("latin1").replace("user", "uses"), "latin1"), ":missing_user"],
        [large, `08P01\0M(ESTARTUPPACKETTOOLARGE) Startup packet too large: ${large.length} bytes (max 1024 bytes)\0`],
        [
          startup({ user: `${"r".repeat(64)}.abcdefghijklmnopqrst` }),
          'CXX000\0M(EINVALIDUSERINFO) Authentication error, reason: "Invalid format for user or db_name"\0'
        ],
        ["GET / HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 204 OK\r\nx-app-version: 2.9.7\r\n\r\n"]
      ]
      for (const [bytes, expected] of cases) assert.include(yield* answerTo(fake.sessionPort, bytes), expected)
    })
  )

  it.effect(
    "does not join reads during the login, and bounds every wait",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: SWIFT })
        const hello = startup({ user: "postgres.abcdefghijklmnopqrst" })
        const first = PgProtocol.encodeSASLInitialResponse({
          mechanism: "SCRAM-SHA-256",
          initialResponse: Buffer.from("n,,n=,r=abc")
        })
        assert.include(
          yield* answerTo(fake.sessionPort, hello, first.subarray(0, 10)),
          "C08P01\0M(EAUTHPROTOCOL) protocol violation during authentication\0"
        )
        assert.include(
          yield* answerTo(fake.sessionPort, hello),
          "C08006\0M(EAUTHTIMEOUT) timeout while waiting for message\0"
        )
        assert.strictEqual(fake.counters().authFailures, 2)
      }),
    timed
  )

  it.effect("refuses a banned tenant, and ends its sessions with the reason", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const inside = yield* logIn(fake.url())
      yield* fake.ban("abuse")
      yield* inside.ended
      const outside = yield* logIn(fake.url())
      assert.deepStrictEqual([inside, outside].map(lastError), Array(2).fill("(EBANNED) tenant is banned: abuse"))
      yield* fake.unban
      assert.isUndefined(lastError(yield* logIn(fake.url())))
    })
  )

  it.effect("lets in only allowed addresses, and prints others as Erlang does", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      yield* fake.allowList(["10.0.0.0/8", "192.0.2.7"])
      const refused = yield* logIn(fake.url())
      assert.strictEqual(lastError(refused), "(EADDRNOTALLOWED) address not in tenant allow_list: {127, 0, 0, 1}")
      yield* fake.allowList(["127.0.0.0/8"])
      assert.isUndefined(lastError(yield* logIn(fake.url())))
      yield* fake.allowList(undefined)
      assert.isUndefined(lastError(yield* logIn(fake.url())))
    })
  )

  it.effect("refuses the new password once after a change, and keeps sessions", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const session = yield* logIn(fake.url())
      yield* fake.setPassword("postgres", Redacted.make("n€w"))
      const first = yield* Effect.tap(logIn(fake.url()), (client) => client.ended)
      const second = yield* logIn(fake.url())
      assert.deepStrictEqual([lastError(first), lastError(second)], [wrongPassword, undefined])
      assert.deepStrictEqual(yield* session.run("select 1"), [["1"]])
      const unknown = yield* Effect.flip(fake.setPassword("nobody", Redacted.make("x")))
      assert.include(unknown.message, "nobody")
    })
  )

  it.effect(
    "accepts logins again two minutes after ten failures, or after a reset",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: SWIFT })
        const wrong = changed(fake.url(), { password: "wrong" })
        const attempt = (url: typeof wrong) =>
          Effect.map(
            Effect.tap(logIn(url), (client) => client.settled),
            lastError
          )
        yield* Effect.all(
          Array.from({ length: 10 }, () => attempt(wrong)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(yield* attempt(fake.url()), blocked)
        const opened = yield* attempt(fake.url()).pipe(
          Effect.delay(10),
          Effect.repeat({ until: (error) => error !== blocked })
        )
        assert.isUndefined(opened)
        yield* Effect.all(
          Array.from({ length: 10 }, () => attempt(wrong)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(yield* attempt(fake.url()), blocked)
        yield* fake.resetBreakers
        assert.isUndefined(yield* attempt(fake.url()))
      }),
    timed
  )

  it.effect(
    "cannot check a password that it has not read while PostgreSQL is down, and refuses further logins for a while",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: SWIFT })
        const postgres = yield* TestPostgres
        yield* postgres.stop("immediate")
        const attempts = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () =>
          Effect.tap(logIn(fake.url()), (client) => client.ended)
        )
        yield* postgres.start
        assert.deepStrictEqual(attempts.map(lastError), [
          ...Array<string>(5).fill("(EAUTHQUERY) authentication query failed: connection to database not available"),
          "(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts, new connections are " +
            "temporarily blocked"
        ])
      }),
    timed
  )

  it.effect("opens 50 pools for a tenant, in which databases that do not exist take no place", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const many = Array.from({ length: 50 }, (_, index) => `x${index}`)
      const missing = yield* Effect.forEach(many, (name) => logIn(changed(fake.url(), { pathname: `/${name}` })))
      assert.deepStrictEqual(
        missing.map(lastError),
        many.map((name) => `database "${name}" does not exist`)
      )
      const pooled = yield* Effect.forEach(many, (name) => logIn(fake.url(), { search_path: name }))
      assert.deepStrictEqual([...new Set(pooled.map(lastError))], [undefined])
      assert.strictEqual(lastError(yield* logIn(fake.url())), "(EMAXPOOLSREACHED) max pools count reached")
    })
  )

  it.effect("can stop listening, and listen again", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const inside = yield* logIn(fake.url())
      yield* fake.stopListening
      const outside = yield* open(fake.sessionPort)
      yield* outside.ended
      assert.deepStrictEqual(outside.transcript, ["RST"])
      assert.deepStrictEqual(yield* inside.run("select 1"), [["1"]])
      yield* fake.startListening
      assert.isUndefined(lastError(yield* logIn(fake.url())))
    })
  )

  it.effect.skipIf(tls === undefined)("requires TLS where it is configured, and finds a tenant by the host name", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({
        tls: { ...tls!, required: true },
        tenants: { alpha: { sniHostname: "db.example.test" } }
      })
      const plain = yield* logIn(fake.url())
      assert.strictEqual(lastError(plain), "(ESSLREQUIRED) SSL connection is required for user: postgres")
      const encrypted = yield* PgConnection.make({ url: fake.url(), ssl: { ca: tls!.cert, servername: "localhost" } })
      assert.deepStrictEqual((yield* encrypted.query("select 1 as one", [])).rows, [{ one: 1 }])
      const named = yield* PgConnection.make({
        url: changed(fake.url(), { username: "postgres" }),
        ssl: { ca: tls!.cert, servername: "db.example.test" }
      })
      assert.deepStrictEqual((yield* named.query("select 1 as one", [])).rows, [{ one: 1 }])
      assert.deepStrictEqual(
        fake.clients().map((client) => client.encrypted),
        [true, true]
      )
    })
  )

  it.effect("declines TLS when it has no certificate", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const answer = yield* answerTo(fake.sessionPort, PgProtocol.encodeSslRequest(), startup({ user: "postgres" }))
      assert.isTrue(answer.startsWith("NE"))
      assert.include(answer, "(ENOIDENTIFIER)")
    })
  )

  it.effect("names invalid options and their reasons", () =>
    Effect.gen(function* () {
      const reasons = yield* Effect.forEach(
        [{ timeScale: 0 }, { poolSize: 0.5 }, { tls: { cert: "no", key: "no" } }],
        (options) => Effect.map(Effect.flip(startFake(options)), (error) => error.message)
      )
      assert.deepStrictEqual(reasons, [
        "FakeSupavisor: timeScale must be a number above 0, not 0",
        "FakeSupavisor: poolSize and maxClients must be whole numbers from 1, not 0.5",
        "FakeSupavisor: tls.cert and tls.key must be a certificate and its key, as PEM texts"
      ])
      const fake = yield* startFake()
      const error = yield* Effect.flip(fake.allowList(["here"]))
      assert.strictEqual(error.message, "FakeSupavisor: not all IPv4 addresses or ranges: here")
      assert.throws(() => fake.url("nobody"), /no role nobody/)
    })
  )
})
