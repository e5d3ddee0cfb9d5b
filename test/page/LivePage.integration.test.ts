import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { FaultMode } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { ask, Browser, shows, textOf, timeUntilShown, withChromium } from "./Browser.ts"
import { liveServer } from "./LiveServer.ts"
import { timed } from "../Timing.ts"

/** The page must show a change within this time. */
const SEEN_WITHIN_MILLIS = 2000

/** Leases a session to a caller of that name until the latch opens. */
const hold = (pool: SessionPool["Service"], name: string, until: Deferred.Deferred<void>) =>
  Effect.forkScoped(
    Effect.withSpan(
      pool.use((session) => Effect.andThen(session.execute("select 'held'", [], undefined), Deferred.await(until))),
      name
    ),
    { startImmediately: true }
  )

/** A stream up to its first status. */
const beginningOf = async (url: string): Promise<string> => {
  const { body } = await fetch(url)
  let text = ""
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (/event: status\n.*\n/.test(text)) return text
  }
  return text
}

withChromium("the page, on a real pool", TestPostgres.layer, (it) => {
  it.effect("loads without an error and without a request to anywhere else", () =>
    Effect.gen(function* () {
      const { url } = yield* liveServer()
      const { page, problems, requests } = yield* (yield* Browser).open(url)
      yield* shows(page, "verdict-word", /^Up$/)
      yield* shows(page, "number-idle", /^\d$/)
      assert.deepStrictEqual(problems, [])
      assert.deepStrictEqual(
        requests.filter((request) => !request.startsWith(url) && !request.startsWith("data:")),
        []
      )
      assert.includeMembers([...requests], [`${url}events`, `${url}page/Main.js`, `${url}page/uplot.js`])
    })
  )

  it.effect("follows a load: sessions held, callers that wait, and the quiet after it", () =>
    Effect.gen(function* () {
      const { pool, url } = yield* liveServer()
      const { page, problems } = yield* (yield* Browser).open(url)
      yield* shows(page, "number-used", /^0$/)
      const first = yield* Deferred.make<void>()
      const rest = yield* Deferred.make<void>()
      yield* hold(pool, "first caller", first)
      yield* shows(page, "number-used", /^1$/)
      yield* shows(page, "sessions", /first caller.*select 'held'/)
      yield* hold(pool, "second caller", rest)
      yield* hold(pool, "third caller", rest)
      yield* hold(pool, "patient caller", rest)
      yield* shows(page, "number-used", /^3$/)
      yield* shows(page, "number-waiting", /^1$/)
      yield* shows(page, "waiters", /patient caller/)
      yield* shows(page, "verdict-reason", /^All 3 sessions are in use, (?:.*, )?1 caller waits \(oldest .*\)\.$/)
      yield* Deferred.succeed(first, undefined)
      yield* shows(page, "number-waiting", /^0$/)
      yield* shows(page, "waiters", /No caller waits\./)
      yield* Deferred.succeed(rest, undefined)
      yield* shows(page, "number-used", /^0$/)
      yield* ask(() =>
        page.waitForFunction(() =>
          /Highest: .*used [1-3]/.test(
            document.querySelector("[aria-label^='Chart: Sessions']")?.getAttribute("aria-label") ?? ""
          )
        )
      )
      assert.deepStrictEqual(problems, [])
    })
  )

  it.effect(
    "shows an outage within two seconds, with its reason and remedy, and its end",
    () =>
      Effect.gen(function* () {
        const { proxy, url } = yield* liveServer()
        const { page } = yield* (yield* Browser).open(url)
        yield* shows(page, "verdict-word", /^Up$/)
        yield* proxy.setMode(FaultMode.refuse)
        yield* proxy.cutAll("reset")
        assert.isBelow(yield* timeUntilShown(page, "verdict-word", /^Down$/), SEEN_WITHIN_MILLIS)
        assert.match(yield* textOf(page, "#verdict-since"), /^since \d\d:\d\d:\d\d$/)
        assert.isAbove((yield* textOf(page, "#verdict-remedy")).length, 0)
        yield* shows(page, "events", /SessionsLost|DialFailed/)
        yield* proxy.setMode(FaultMode.pass)
        yield* shows(page, "verdict-word", /^Up$/)
      }),
    timed
  )

  it.effect(
    "shows a drain within two seconds, and the sessions in use",
    () =>
      Effect.gen(function* () {
        const { pool, url } = yield* liveServer()
        const { page } = yield* (yield* Browser).open(url)
        yield* shows(page, "verdict-word", /^Up$/)
        const latch = yield* Deferred.make<void>()
        yield* hold(pool, "last caller", latch)
        yield* shows(page, "number-used", /^1$/)
        const drain = yield* Effect.forkChild(pool.drain, { startImmediately: true })
        assert.isBelow(yield* timeUntilShown(page, "verdict-word", /^Draining$/), SEEN_WITHIN_MILLIS)
        yield* shows(page, "verdict-reason", /^No new work is accepted, 1 session is still in use\.$/)
        yield* Deferred.succeed(latch, undefined)
        yield* Fiber.join(drain)
        yield* shows(page, "verdict-reason", /no session is in use\.$/)
      }),
    timed
  )

  it.effect(
    "shows within two seconds that the server has ended, and reconnects",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { port, url } = yield* Effect.provideService(liveServer(), Scope.Scope, scope)
        const { page } = yield* (yield* Browser).open(url)
        yield* shows(page, "connection-text", /^Live$/)
        yield* Scope.close(scope, Exit.void)
        assert.isBelow(yield* timeUntilShown(page, "verdict-word", /^Not connected$/), SEEN_WITHIN_MILLIS)
        yield* liveServer({ http: { port }, pool: { min: 2, max: 7 } })
        yield* shows(page, "connection-text", /^Live$/)
        yield* shows(page, "note-ceiling", /^of max 7$/)
      }),
    timed
  )

  it.effect("contains no password, neither in the document nor in a response", () =>
    Effect.gen(function* () {
      const { password } = (yield* TestPostgres).server
      const secret = Redacted.value(password)
      const { sql, url } = yield* liveServer()
      yield* Effect.exit(sql.unsafe(`select '${secret}'::int`))
      const { bodies, page } = yield* (yield* Browser).open(url)
      yield* shows(page, "sessions", /invalid input syntax/)
      const document = yield* ask(() => page.content())
      const answers = yield* ask(async () => [
        await beginningOf(`${url}events`),
        ...(await Promise.all(bodies)),
        ...(await Promise.all(
          ["status", "metrics", "readyz?verbose"].map(async (path) => (await fetch(url + path)).text())
        ))
      ])
      assert.isAbove(answers.filter((text) => text !== "").length, 20)
      for (const text of [document, ...answers]) {
        assert.notInclude(text, secret)
        assert.notInclude(text, encodeURIComponent(secret))
      }
    })
  )

  it.effect("requires the token, does not show it, and requires it again after a change", () =>
    Effect.gen(function* () {
      const token = "a-token-of-this-test"
      const scope = yield* Scope.make()
      const http = { host: "0.0.0.0" }
      const { port, url } = yield* Effect.provideService(liveServer({ http: { ...http, token } }), Scope.Scope, scope)
      const { bodies, page } = yield* (yield* Browser).open(url)
      yield* ask(async () => {
        await page.locator("input[name=token]").fill(token)
        await page.locator("button").click()
      })
      yield* shows(page, "connection-text", /^Live$/)
      const seen = yield* ask(async () => [
        await page.content(),
        await page.evaluate(() => `${document.cookie} ${JSON.stringify(localStorage)} ${location.href}`),
        ...(await Promise.all(bodies))
      ])
      assert.deepStrictEqual(
        seen.filter((text) => text.includes(token)),
        []
      )
      yield* Scope.close(scope, Exit.void)
      yield* liveServer({ http: { ...http, port, token: "another-token-by-now" } })
      yield* ask(() => page.locator("input[name=token]").waitFor())
    })
  )
})
