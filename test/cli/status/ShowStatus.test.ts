import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ServerResponse } from "node:http"
import { type Format, showStatus } from "../../../src/cli/status/ShowStatus.ts"
import { runCommand } from "./RunInProcess.ts"
import { scriptedProgram } from "./ScriptedProgram.ts"
import { statusFixture } from "../../http/StatusFixtures.ts"
import { busyStatus, downStatus, idleStatus } from "./Statuses.ts"
import { stopped, timed } from "../../Timing.ts"

interface Flags {
  readonly url?: string
  readonly token?: string
  readonly format?: Format
  readonly millis?: number
}

/** Long enough for an answer on a busy machine. */
const TIMEOUT_MILLIS = 120_000

const runStatus = ({ format = "line", millis = TIMEOUT_MILLIS, token, url }: Flags, env: Record<string, string> = {}) =>
  runCommand(
    showStatus({
      format,
      timeout: Duration.millis(millis),
      token: Option.map(Option.fromUndefinedOr(token), (text) => Redacted.make(text)),
      url: Option.fromUndefinedOr(url)
    }),
    env
  )

/** A port on which nothing listens any more. */
const deadAddress = Effect.map(Effect.scoped(scriptedProgram), ({ base }) => base)

const SECRET = "a-token-of-some-length"

describe("status", () => {
  it.live("ends with 0 for a program that is up or degraded, and writes to stdout only", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      for (const [status, word] of [
        [idleStatus, "Up"],
        [busyStatus, "Degraded"]
      ] as const) {
        program.status = status
        const { err, exitCode, out } = yield* runStatus({ url: program.base })
        assert.deepStrictEqual([exitCode, err], [0, ""])
        assert.match(out, new RegExp(`^${word} for [^\\n]+$`))
      }
    })
  )

  it.live("ends with 1 for a program that is down, starting or draining; the remedy is on stderr", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.status = downStatus
      const down = yield* runStatus({ url: program.base })
      assert.deepStrictEqual([down.exitCode, down.err], [1, downStatus.health.state.reason?.remedy])
      assert.match(down.out, /^Down for /)
      for (const _tag of ["Starting", "Draining"]) {
        program.status = statusFixture({ health: { ...idleStatus.health, state: { _tag } } })
        const { err, exitCode } = yield* runStatus({ url: program.base, format: "table" })
        assert.deepStrictEqual([exitCode, err], [1, ""])
      }
    })
  )

  it.live("finds the program by HTTP_HOST and HTTP_PORT, whatever else is wrong in the settings", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      const env = { HTTP_HOST: "0.0.0.0", HTTP_PORT: new URL(base).port, DB_POOL_MAX: "nonsense" }
      assert.strictEqual((yield* runStatus({}, env)).exitCode, 0)
    })
  )

  it.live("accepts an address without http, with a slash, or with a known path", () =>
    Effect.gen(function* () {
      const { base, requests } = yield* scriptedProgram
      for (const url of [base.replace("http://", ""), `${base}/`, `${base}/status`]) {
        assert.strictEqual((yield* runStatus({ url })).exitCode, 0, url)
      }
      assert.deepStrictEqual(new Set(requests.map(({ url }) => url)), new Set(["/status"]))
    })
  )

  it.live("writes the whole status as JSON, unknown keys included", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.status = { ...idleStatus, later: { thing: "\u009B2J" } }
      const { exitCode, out } = yield* runStatus({ url: program.base, format: "json" })
      assert.deepStrictEqual([exitCode, JSON.parse(out)], [0, JSON.parse(JSON.stringify(program.status))])
      assert.notInclude(out, "\u009B")
    })
  )

  it.live("writes no control character of the status", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      program.status = {
        ...busyStatus,
        findings: [{ id: "x", severity: "info", title: "\u001B[2J\rx", detail: "", remedy: "", since: 0 }]
      }
      for (const format of ["line", "table", "json"] as const) {
        const { out } = yield* runStatus({ url: program.base, format })
        // oxlint-disable-next-line no-control-regex -- these are the characters that must be gone
        assert.notMatch(out, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
      }
    })
  )

  it.live("names how to start the program, or where its address is shown, when nothing answers", () =>
    Effect.gen(function* () {
      const base = yield* deadAddress
      const result = yield* runStatus({}, { HTTP_PORT: new URL(base).port })
      assert.strictEqual(result.exitCode, 1)
      assert.match(result.err, /^No program answers at http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED after [\d.]+ ms\./)
      assert.include(result.err, "effect-supavisor serve")
      assert.include(result.err, "--url")
      const given = yield* runStatus({ url: base })
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
          [silent, /no answer within [\d.]+ ms/],
          [stuck, /its answer is incomplete/]
        ] as const) {
          program.answer = answer
          const [millis, { err, exitCode }] = yield* stopped(runStatus({ url: program.base, millis: 100 }))
          assert.strictEqual(exitCode, 1)
          assert.match(err, words)
          assert.isBelow(millis, 1000)
        }
      }),
    timed
  )

  it.live("sends the token of the flag, else of the environment, and follows no redirection", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const elsewhere = yield* scriptedProgram
      yield* runStatus({ url: program.base }, { HTTP_TOKEN: SECRET })
      yield* runStatus({ url: program.base, token: "of-the-flag" }, { HTTP_TOKEN: SECRET })
      const sent = program.requests.map(({ headers }) => headers.authorization)
      assert.deepStrictEqual(sent, [`Bearer ${SECRET}`, "Bearer of-the-flag"])
      program.answer = (_, response) => {
        response.writeHead(302, { location: `${elsewhere.base}/status` }).end()
        return true
      }
      assert.strictEqual((yield* runStatus({ url: program.base, token: SECRET })).exitCode, 1)
      assert.isEmpty(elsewhere.requests)
    })
  )

  it.live("shows a missing or wrong token and the message of a refusal, and never the token", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const answering = (code: number, body: string) => {
        program.answer = (_, response) => {
          response.writeHead(code).end(body)
          return true
        }
      }
      answering(401, "no")
      assert.match((yield* runStatus({ url: program.base })).err, /requires a token \(401\)\. Set HTTP_TOKEN/)
      const wrong = yield* runStatus({ url: program.base, token: SECRET })
      assert.match(wrong.err, /does not accept this token \(401\)/)
      answering(403, `Set HTTP_TOKEN to at least 16 characters.\u001B[2J\nmore`)
      const refused = yield* runStatus({ url: program.base, token: SECRET })
      assert.match(
        refused.err,
        /refuses the request \(403\)\. Its message: Set HTTP_TOKEN to at least 16 characters\. \[2J$/
      )
      for (const { err, exitCode } of [wrong, refused]) {
        assert.strictEqual(exitCode, 1)
        assert.notInclude(err, SECRET)
      }
    })
  )

  it.live("rejects answers of other programs", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      for (const [code, body, words] of [
        [404, "<html>", /no effect-supavisor of this version: it answers 404/],
        [200, "<html>", /its answer is no JSON/],
        [200, "{}", /its answer has an unexpected form/],
        [503, "later", /\/status answers 503\. Its message: later Try again in a moment\./]
      ] as const) {
        program.answer = (_, response) => {
          response.writeHead(code).end(body)
          return true
        }
        const { err, exitCode } = yield* runStatus({ url: program.base })
        assert.strictEqual(exitCode, 1)
        assert.match(err, words)
      }
    })
  )

  it.live("ends with 2 and sends no request when the address or the token is unusable, and shows no secret", () =>
    Effect.gen(function* () {
      const database = "postgres://postgres:geheim@db.example.com:5432/postgres"
      for (const [flags, env, words] of [
        [{ url: database }, {}, /not postgres:\/\/.*effect-supavisor doctor/],
        [{ url: "http://u:geheim@127.0.0.1" }, {}, /must not contain a user/],
        [{ url: "http://127.0.0.1/?token=geheim" }, {}, /HTTP_TOKEN/],
        [{ url: "http://" }, {}, /not an address/],
        [{ token: "geheim geheim" }, {}, /token contains a space/],
        [{}, { HTTP_PORT: "0" }, /HTTP_PORT is 0/],
        [{}, { HTTP_PORT: "geheim" }, /HTTP_PORT must be a port/]
      ] as ReadonlyArray<readonly [Flags, Record<string, string>, RegExp]>) {
        const { err, exitCode, out } = yield* runStatus(flags, env)
        assert.deepStrictEqual([exitCode, out], [2, ""])
        assert.match(err, words)
        assert.notInclude(err, "geheim")
      }
    })
  )
})
