import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ask, shows, textOf, timeUntilShown, withChromium } from "./Browser.ts"
import { busyStatus } from "./Busy.ts"
import { eventFixture, historyFixture, sessionFixture, statusFixture } from "../http/StatusFixtures.ts"
import { helloFixture } from "./ScriptedFeed.ts"
import { openScripted } from "./ScriptedPage.ts"
import { timed } from "../Timing.ts"

/** Longer than the page waits for a message. */
const SILENCE_MILLIS = 6000

withChromium("the page with a scripted feed", Layer.empty, (it) => {
  it.effect("shows verdict, numbers, findings, sessions, waiters, database, process and events", () =>
    Effect.gen(function* () {
      const { page, problems } = yield* openScripted({}, (feed) => {
        feed.status = busyStatus()
        feed.hello = helloFixture({ history: historyFixture(40), events: [eventFixture({ text: "It happened." })] })
      })
      yield* shows(page, "number-used", /^5$/)
      assert.strictEqual(yield* textOf(page, "#verdict-word"), "Degraded")
      assert.strictEqual(
        yield* textOf(page, "#verdict-reason"),
        "All 5 sessions are in use, 3 callers wait (oldest 1.2 s)."
      )
      assert.strictEqual(yield* textOf(page, "#endpoint"), "db.example.com:5432/postgres")
      assert.match(yield* textOf(page, "#findings"), /Raise DB_POOL_MAX from 5 to 8/)
      assert.match(yield* textOf(page, "#sessions"), /GET \/orders\/3 \(fiber #103\)/)
      assert.match(yield* textOf(page, "#waiters"), /POST \/orders \(fiber #211\)\s+1\.2 s\s+29 s/)
      assert.match(yield* textOf(page, "#database"), /5 of 97/)
      assert.match(yield* textOf(page, "#database-limits"), /may not see the state and age of 2 connections/)
      assert.match(yield* textOf(page, "#locks"), /psql \(pid 77\)/)
      assert.match(yield* textOf(page, "#process"), /4\.2 % of one core/)
      assert.match(yield* textOf(page, "#events"), /It happened\./)
      assert.deepStrictEqual(problems, [])
    })
  )

  it.effect("writes every value of the server as text", () =>
    Effect.gen(function* () {
      const hostile = `<img src=x onerror="document.title='broken'">`
      const { page, problems } = yield* openScripted({}, (feed) => {
        feed.status = statusFixture({ sessions: [sessionFixture({ statement: hostile, lastError: hostile })] })
        feed.hello = helloFixture({ events: [eventFixture({ text: hostile })] })
      })
      yield* shows(page, "sessions", /onerror/)
      assert.strictEqual(yield* textOf(page, "#events p"), hostile)
      assert.strictEqual(yield* ask(() => page.locator("img").count()), 0)
      assert.match(yield* ask(() => page.title()), /^Up/)
      assert.deepStrictEqual(problems, [])
    })
  )

  it.effect(
    "shows that it is disconnected, dims outdated values, and reconnects with the whole history",
    () =>
      Effect.gen(function* () {
        const { feed, page } = yield* openScripted({}, (feed) => {
          feed.hello = helloFixture({ events: [eventFixture({ text: "Before." })] })
        })
        yield* ask(() => feed.stop())
        assert.isBelow(yield* timeUntilShown(page, "verdict-word", /^Not connected$/), 2000)
        yield* shows(page, "connection-text", /^Not connected since \d\d:\d\d:\d\d, trying again$/)
        const opacity = () =>
          page.locator(".numbers").evaluate((e) => Number(getComputedStyle(e.parentElement!).opacity))
        assert.isBelow(yield* ask(opacity), 1)
        feed.hello = helloFixture({
          history: historyFixture(30, () => ({ used: 4 })),
          events: [eventFixture({ text: "After." })]
        })
        feed.status = statusFixture({ pool: { used: 4 } })
        yield* ask(() => feed.start())
        yield* shows(page, "connection-text", /^Live$/)
        yield* shows(page, "number-used", /^4$/)
        yield* shows(page, "events", /After\./)
        assert.notMatch(yield* textOf(page, "#events"), /Before\./)
        assert.match(yield* textOf(page, ".charts"), /used\s+4/)
        assert.strictEqual(yield* ask(opacity), 1)
      }),
    timed
  )

  it.effect("treats a silent server as disconnected", () =>
    Effect.gen(function* () {
      const { feed, page } = yield* openScripted({ clock: true })
      feed.silent = true
      yield* ask(() => page.clock.fastForward(SILENCE_MILLIS))
      yield* shows(page, "verdict-reason", /^The server has stopped sending\./)
      feed.silent = false
      yield* shows(page, "connection-text", /^Live$/)
    })
  )

  it.effect("shows that the server has ended after `bye`", () =>
    Effect.gen(function* () {
      const { feed, page } = yield* openScripted()
      feed.send.bye()
      yield* shows(page, "verdict-reason", /^The server has ended\./)
      yield* shows(page, "connection-text", /^Live$/)
    })
  )

  it.effect("reloads for the sign-in form when the server denies access", () =>
    Effect.gen(function* () {
      const { feed, page } = yield* openScripted()
      feed.refusal = 401
      feed.send.bye()
      yield* ask(() => page.waitForFunction(() => document.body.textContent === "Sign in, please.\n"))
    })
  )

  it.effect("shows the server's error response, and tries again", () =>
    Effect.gen(function* () {
      const { feed, page } = yield* openScripted()
      feed.refusal = 503
      feed.send.bye()
      yield* shows(page, "verdict-reason", /^Come back later, please\./)
      feed.refusal = undefined
      yield* shows(page, "connection-text", /^Live$/)
    })
  )

  it.effect("keeps a selection and every row's element while numbers change", () =>
    Effect.gen(function* () {
      const rows = (uses: number) => [1, 2, 3].map((sessionId) => sessionFixture({ sessionId, uses: uses + sessionId }))
      const { feed, page } = yield* openScripted({}, (feed) => {
        feed.status = statusFixture({ sessions: rows(100) })
      })
      yield* shows(page, "sessions", /103/)
      yield* ask(() =>
        page.evaluate(() => {
          const row = document.querySelector("#sessions tbody tr:nth-child(2)")!
          row.setAttribute("data-same", "yes")
          getSelection()!.selectAllChildren(row.querySelector(".statement")!)
        })
      )
      feed.send.status(statusFixture({ sessions: rows(200).slice(1) }))
      yield* shows(page, "sessions", /203/)
      assert.strictEqual(yield* ask(() => page.evaluate(() => String(getSelection()))), "select 1")
      assert.strictEqual(yield* ask(() => page.locator("#sessions tbody tr").count()), 2)
      assert.match(yield* textOf(page, "[data-same]"), /202/)
    })
  )

  it.effect("announces a new verdict, and not new numbers", () =>
    Effect.gen(function* () {
      const { feed, page } = yield* openScripted()
      yield* shows(page, "announcement", /^Up: /)
      yield* ask(() =>
        page.evaluate(() => {
          const announced: Array<string> = []
          Object.assign(window, { announced })
          const announcement = document.getElementById("announcement")!
          new MutationObserver(() => announced.push(announcement.textContent ?? "")).observe(announcement, {
            characterData: true,
            childList: true,
            subtree: true
          })
        })
      )
      const saturated = (waiting: number) =>
        statusFixture({
          health: { ...busyStatus().health },
          pool: { used: 5, idle: 0, waiting, oldestWaitMillis: waiting * 100 }
        })
      for (const waiting of [1, 2, 3]) {
        feed.send.status(saturated(waiting))
        yield* shows(page, "number-waiting", new RegExp(`^${waiting}$`))
      }
      const announced = yield* ask(() =>
        page.evaluate(() => (window as unknown as { announced: Array<string> }).announced)
      )
      assert.deepStrictEqual(announced, ["Degraded: All 5 sessions are in use, 1 caller waits (oldest 100 ms)."])
    })
  )

  it.effect(
    "draws nothing while it is hidden but shows the verdict in its title, and draws once when it is shown",
    () =>
      Effect.gen(function* () {
        const { feed, page } = yield* openScripted({
          before: () => {
            const frames: Array<FrameRequestCallback> = []
            Object.assign(window, {
              frames_: frames,
              requestAnimationFrame: (f: FrameRequestCallback) => frames.push(f)
            })
          }
        })
        for (const used of [2, 3, 4]) feed.send.status(statusFixture({ ...busyStatus(), pool: { used } }))
        yield* ask(() => page.waitForFunction(() => document.title.startsWith("Degraded"), undefined, { polling: 20 }))
        assert.strictEqual(yield* textOf(page, "#number-used"), "–")
        const drawn = yield* ask(() =>
          page.evaluate(() => {
            const frames = (window as unknown as { frames_: Array<FrameRequestCallback> }).frames_
            const due = frames.splice(0)
            for (const frame of due) frame(0)
            return due.length
          })
        )
        assert.strictEqual(drawn, 1)
        assert.strictEqual(yield* textOf(page, "#number-used"), "4")
      })
  )
})
