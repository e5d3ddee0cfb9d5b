import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ServerResponse } from "node:http"
import type { Format } from "../../../src/cli/status/Formats.ts"
import { showStatus } from "../../../src/cli/status/ShowStatus.ts"
import { said } from "./Asked.ts"
import { scriptedProgram } from "./ScriptedProgram.ts"
import { busyStatus, downStatus, idleStatus } from "./Statuses.ts"
import { stopped, timed } from "../../Timing.ts"

interface Asking {
  readonly url?: string
  readonly token?: string
  readonly format?: Format
  readonly millis?: number
}

/** No answer that comes is late. */
const PATIENCE_MILLIS = 120_000

const ask = ({ format = "line", millis = PATIENCE_MILLIS, token, url }: Asking, env: Record<string, string> = {}) =>
  said(
    showStatus({
      format,
      timeout: Duration.millis(millis),
      token: Option.map(Option.fromUndefinedOr(token), (text) => Redacted.make(text)),
      url: Option.fromUndefinedOr(url)
    }),
    env
  )

/** A port that nothing listens on: it was given back a moment ago. */
const deadAddress = Effect.map(Effect.scoped(scriptedProgram), ({ base }) => base)

const SECRET = "a-token-of-some-length"

describe("status", () => {
  it.live("ends with 0 for a program that is up or limited, and says so on stdout alone", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      for (const [status, word] of [
        [idleStatus, "Up"],
        [busyStatus, "Degraded"]
      ] as const) {
        program.status = status
        const { err, exitCode, out } = yield* ask({ url: program.base })
        assert.deepStrictEqual([exitCode, err], [0, ""])
        assert.match(out, new RegExp(`^${word} for [^\\n]+$`))
      }
    })
  )

  it.live("ends with 1 for a program that is down, starts or drains; what to do is on stderr", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.status = downStatus
      const down = yield* ask({ url: program.base })
      assert.deepStrictEqual([down.exitCode, down.err], [1, downStatus.health.state.reason?.remedy])
      assert.match(down.out, /^Down for /)
      for (const _tag of ["Starting", "Draining"]) {
        program.status = { ...idleStatus, health: { ...idleStatus.health, state: { _tag } } }
        const { err, exitCode } = yield* ask({ url: program.base, format: "table" })
        assert.deepStrictEqual([exitCode, err], [1, ""])
      }
    })
  )

  it.live("finds the program by HTTP_HOST and HTTP_PORT, whatever else is wrong in the settings", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      const env = { HTTP_HOST: "0.0.0.0", HTTP_PORT: new URL(base).port, DB_POOL_MAX: "nonsense" }
      assert.strictEqual((yield* ask({}, env)).exitCode, 0)
    })
  )

  it.live("takes an address as people copy it: without http, with a slash, with a path that it knows", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* scriptedProgram
      for (const url of [base.replace("http://", ""), `${base}/`, `${base}/status`]) {
        assert.strictEqual((yield* ask({ url })).exitCode, 0, url)
      }
      assert.deepStrictEqual(new Set(requests.map(({ url }) => url)), new Set(["/status"]))
    })
  )

  it.live("writes the whole answer as JSON, and more of it than it understands", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.status = { ...idleStatus, later: { thing: "\u009B2J" } }
      const { exitCode, out } = yield* ask({ url: program.base, format: "json" })
      assert.deepStrictEqual([exitCode, JSON.parse(out)], [0, program.status])
      assert.notInclude(out, "\u009B")
    })
  )

  it.live("obeys no control character that a program sends", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.status = {
        ...busyStatus,
        findings: [{ severity: "info", title: "\u001B[2J\rx", detail: "", remedy: "" }]
      }
      for (const format of ["line", "table", "json"] as const) {
        // oxlint-disable-next-line no-control-regex -- these are the characters that must be gone
        assert.notMatch((yield* ask({ url: program.base, format })).out, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
      }
    })
  )

  it.live("says how to start the program when nothing answers, and where it may be instead", () =>
    Effect.gen(function* () {
      const base = yield* deadAddress
      const asked = yield* ask({}, { HTTP_PORT: new URL(base).port })
      assert.strictEqual(asked.exitCode, 1)
      assert.match(asked.err, /^No program answers at http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED after [\d.]+ ms\./)
      assert.include(asked.err, "effect-supavisor serve")
      assert.include(asked.err, "--url")
      const given = yield* ask({ url: base })
      assert.include(given.err, '"Operations at"')
      assert.notInclude(given.err, "effect-supavisor serve")
    })
  )

  it.live(
    "gives up at its deadline, before the head of an answer and in the middle of its body",
    () =>
      Effect.gen(function* () {
        const program = yield* scriptedProgram
        const silent = () => true
        const stuck = (_: unknown, response: ServerResponse) => response.writeHead(200).write("{") && true
        for (const [answer, words] of [
          [silent, /not a word within [\d.]+ ms/],
          [stuck, /its answer breaks off/]
        ] as const) {
          program.answer = answer
          const [millis, { err, exitCode }] = yield* stopped(ask({ url: program.base, millis: 100 }))
          assert.strictEqual(exitCode, 1)
          assert.match(err, words)
          assert.isBelow(millis, 1000)
        }
      }),
    timed
  )

  it.live("sends the token, from the flag before the environment, and nowhere else than asked", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const elsewhere = yield* scriptedProgram
      yield* ask({ url: program.base }, { HTTP_TOKEN: SECRET })
      yield* ask({ url: program.base, token: "of-the-flag" }, { HTTP_TOKEN: SECRET })
      const sent = program.requests.map(({ headers }) => headers.authorization)
      assert.deepStrictEqual(sent, [`Bearer ${SECRET}`, "Bearer of-the-flag"])
      program.answer = (_, response) => {
        response.writeHead(302, { location: `${elsewhere.base}/status` }).end()
        return true
      }
      assert.strictEqual((yield* ask({ url: program.base, token: SECRET })).exitCode, 1)
      assert.isEmpty(elsewhere.requests)
    })
  )

  it.live("says which token is wanted, that one is wrong, and what a refusal says; never the token", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const answering = (code: number, body: string) => {
        program.answer = (_, response) => {
          response.writeHead(code).end(body)
          return true
        }
      }
      answering(401, "no")
      assert.match((yield* ask({ url: program.base })).err, /wants a token \(401\)\. Set HTTP_TOKEN/)
      const wrong = yield* ask({ url: program.base, token: SECRET })
      assert.match(wrong.err, /does not accept this token \(401\)/)
      answering(403, `Set HTTP_TOKEN to at least 16 characters.\u001B[2J\nmore`)
      const refused = yield* ask({ url: program.base, token: SECRET })
      assert.match(refused.err, /refuses \(403\)\. It says: Set HTTP_TOKEN to at least 16 characters\. \[2J$/)
      for (const { err, exitCode } of [wrong, refused]) {
        assert.strictEqual(exitCode, 1)
        assert.notInclude(err, SECRET)
      }
    })
  )

  it.live("knows what is no program of ours", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      for (const [code, body, words] of [
        [404, "<html>", /no effect-supavisor of this version: it answers 404/],
        [200, "<html>", /its answer is no JSON/],
        [200, "{}", /its answer is not the expected one/],
        [503, "later", /\/status answers 503\. It says: later Ask again in a moment\./]
      ] as const) {
        program.answer = (_, response) => {
          response.writeHead(code).end(body)
          return true
        }
        const { err, exitCode } = yield* ask({ url: program.base })
        assert.strictEqual(exitCode, 1)
        assert.match(err, words)
      }
    })
  )

  it.live("ends with 2 and asks nobody when the address or the token cannot be used, and repeats no secret", () =>
    Effect.gen(function* () {
      const database = "postgres://postgres:geheim@db.example.com:5432/postgres"
      for (const [asking, env, words] of [
        [{ url: database }, {}, /not postgres:\/\/.*effect-supavisor doctor/],
        [{ url: "http://u:geheim@127.0.0.1" }, {}, /no user, password/],
        [{ url: "http://127.0.0.1/?token=geheim" }, {}, /HTTP_TOKEN/],
        [{ url: "http://" }, {}, /no address/],
        [{ token: "geheim geheim" }, {}, /token holds a space/],
        [{}, { HTTP_PORT: "0" }, /HTTP_PORT is 0/],
        [{}, { HTTP_PORT: "geheim" }, /HTTP_PORT must be a port/]
      ] as ReadonlyArray<readonly [Asking, Record<string, string>, RegExp]>) {
        const { err, exitCode, out } = yield* ask(asking, env)
        assert.deepStrictEqual([exitCode, out], [2, ""])
        assert.match(err, words)
        assert.notInclude(err, "geheim")
      }
    })
  )
})
