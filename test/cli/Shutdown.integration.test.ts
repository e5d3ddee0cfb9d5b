import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Path from "node:path"
import { FaultMode, FaultProxy } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { openStream } from "../http/EventStream.ts"
import { makeCollector } from "../services/observability/metrics/Collector.ts"
import { environmentOf, noBackendsOf } from "./Backends.ts"
import { eventually, get, start } from "./RunningProgram.ts"
import { timed } from "../Timing.ts"

const holding = [process.execPath, Path.join(import.meta.dirname, "HeldLease.ts")] as const

/** PostgreSQL's Terminate: type X, and a length of four, which counts itself. */
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])

/** Everything around the drain, in milliseconds: what was begun may take so much longer on a loaded machine. */
const SLACK_MILLIS = 3000

/** The shutdown of a program, observed through its page, its probes, its database and its collector. */
const end = Effect.fnUntraced(function* (name: string, settings: Readonly<Record<string, string>>) {
  const postgres = yield* TestPostgres
  const collector = yield* makeCollector
  const terminates: Array<number> = []
  const watch = FaultMode.when((chunk, direction) => {
    if (direction === "toServer" && chunk.subarray(-TERMINATE.length).equals(TERMINATE)) terminates.push(Date.now())
    return false
  }, FaultMode.pass)
  const proxy = yield* FaultProxy.make({
    target: { host: postgres.host, port: postgres.port },
    onAccept: () => watch
  })
  const env = yield* environmentOf(name, {
    ...settings,
    DATABASE_URL: Redacted.value(proxy.urlThrough(postgres.url)),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json"
  })
  const program = yield* start({ command: holding, env })
  const address = yield* program.address
  const stream = yield* openStream(address)
  yield* stream.message("status", ({ pool }) => {
    const { connecting, open, used } = pool as Readonly<Record<string, number>>
    return used === 1 && open === 2 && connecting === 0
  })
  const sessions = proxy.open()

  const sent = performance.now()
  program.child.kill("SIGTERM")
  const unready = yield* eventually("503", async () => {
    const answer = await get(`${address}/readyz`)
    return answer.status === 503 ? answer : undefined
  })
  assert.strictEqual(unready.body, "not ready: the pool is draining\n")
  yield* program.printed(/late caller: refused/)
  assert.isTrue(yield* stream.ended)
  // The lease is still held: neither the page nor the late caller has ended it.
  assert.notMatch(program.output(), /lease (?:finished|cancelled)/)
  assert.isAtLeast(proxy.open(), 1)
  assert.strictEqual((yield* Effect.promise(() => get(`${address}/livez`))).status, 200)
  assert.strictEqual((yield* Effect.promise(() => get(`${address}/events`))).status, 503)

  const { at, outcome } = yield* program.ended
  assert.strictEqual(outcome, 0, program.output())
  yield* noBackendsOf(name)
  return {
    collector,
    terminates,
    millis: at - sent - program.startMillis(),
    output: program.output(),
    proxy,
    sessions,
    stream
  }
})

/** The instant of a log line, in wall-clock milliseconds. */
const loggedAt = (output: string, words: string): number => {
  const line =
    output.split("\n").find((one) => one.includes(words)) ?? assert.fail(`no line contains ${words}: ${output}`)
  return Date.parse(line.split(" ")[0] ?? "")
}

/** A session that is closed ends its lease and the drain at once; which of the two writes its line first is chance. */
const ONE_BREATH_MILLIS = 50

const inOrder = (
  { collector, terminates, output, proxy, sessions, stream }: Effect.Success<ReturnType<typeof end>>,
  lease: string
) => {
  // The page's stream ended before the server stopped.
  const last = stream.messages.slice(-2)
  assert.deepStrictEqual(
    last.map(({ data, name }) => [name, data["phase"] ?? data["reason"], data["ready"]]),
    [
      ["status", "draining", false],
      ["bye", "shutdown", undefined]
    ]
  )
  const order = ["Draining:", "late caller: refused", lease, "Drained in"].map((words) => loggedAt(output, words))
  for (const [index, at] of order.slice(1).entries()) assert.isAtLeast(at, order[index]! - ONE_BREATH_MILLIS)
  // The leased session sends Terminate when its lease is over, and every session has sent it.
  assert.strictEqual(terminates.length, sessions)
  assert.isAtLeast(terminates.at(-1) ?? 0, loggedAt(output, lease))
  assert.strictEqual(proxy.open(), 0)
  assert.match(output, /left running: nothing\n$/)
  // The collector got the last log lines and the last measurements.
  assert.isTrue(collector.logs().some((line) => line.startsWith("Drained in")))
  const drained = collector.metrics().findLast(({ name }) => name === "db.client.connection.session.drain.duration")
  assert.isAbove(drained?.gauge?.dataPoints[0]?.asDouble ?? 0, 0)
}

layer(TestPostgres.layer, { excludeTestServices: true })("The end of the program", (it) => {
  it.effect(
    "runs in order when a lease finishes: unready, refused, end of the page's stream, Terminate, loops, exporter",
    () =>
      Effect.gen(function* () {
        const all = yield* end("ends-finished", { HOLD_SECONDS: "2", DB_SHUTDOWN_TIMEOUT: "10s" })
        inOrder(all, "lease finished")
        assert.isBelow(all.millis, 2000 + SLACK_MILLIS)
      }),
    timed
  )

  it.effect(
    "comes in the same order, within the shutdown timeout, when a lease has to be cancelled",
    () =>
      Effect.gen(function* () {
        const all = yield* end("ends-cancelled", { HOLD_SECONDS: "60", DB_SHUTDOWN_TIMEOUT: "2s" })
        inOrder(all, "lease cancelled")
        assert.isBelow(all.millis, 2000 + SLACK_MILLIS)
      }),
    timed
  )
})
