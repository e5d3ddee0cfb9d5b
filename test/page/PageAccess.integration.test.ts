import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ask, shows, withChromium } from "./Browser.ts"
import { busyStatus } from "./Busy.ts"
import { faintTexts } from "./Contrast.ts"
import { eventFixture, historyFixture, statusFixture } from "../http/StatusFixtures.ts"
import { helloFixture } from "./ScriptedFeed.ts"
import { openScripted } from "./ScriptedPage.ts"

/** Level AA of WCAG 2.2 for small text. */
const AA = 4.5

const PHONE = { width: 360, height: 740 }

/** More than the page has focusable elements. */
const MOST_PRESSES = 40

withChromium("the accessibility of the page", Layer.empty, (it) => {
  for (const colorScheme of ["light", "dark"] as const) {
    it.effect(`is readable in ${colorScheme}: every text has the contrast of level AA`, () =>
      Effect.gen(function* () {
        const { page } = yield* openScripted({ colorScheme }, (feed) => {
          feed.status = busyStatus()
          feed.hello = helloFixture({
            history: historyFixture(40),
            events: (["info", "warn", "error"] as const).map((level) => eventFixture({ level }))
          })
        })
        yield* shows(page, "number-used", /^5$/)
        assert.deepStrictEqual(yield* faintTexts(page, AA), [])
        const ground = yield* ask(() => page.evaluate(() => getComputedStyle(document.body).backgroundColor))
        assert.strictEqual(ground, colorScheme === "light" ? "rgb(244, 245, 247)" : "rgb(15, 18, 22)")
      })
    )
  }

  it.effect("follows the system's theme until one is chosen, and stores the choice", () =>
    Effect.gen(function* () {
      const { page } = yield* openScripted({ colorScheme: "dark" })
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      assert.strictEqual(yield* ask(ground), "rgb(15, 18, 22)")
      yield* ask(() => page.locator("#theme").click())
      assert.strictEqual(yield* ask(ground), "rgb(244, 245, 247)")
      yield* ask(() => page.reload())
      yield* shows(page, "theme", /^Theme: light$/)
      assert.strictEqual(yield* ask(ground), "rgb(244, 245, 247)")
    })
  )

  for (const [state, status] of [
    ["full", busyStatus],
    ["nearly empty", () => statusFixture({ sessions: [], findings: null })]
  ] as const) {
    it.effect(`does not scroll sideways on a phone, nor does any table, ${state}`, () =>
      Effect.gen(function* () {
        const { page } = yield* openScripted({ viewport: PHONE, isMobile: true, hasTouch: true }, (feed) => {
          feed.status = status()
          feed.hello = helloFixture({ history: historyFixture(40), events: [eventFixture({ text: "x".repeat(300) })] })
        })
        yield* shows(page, "number-used", /^\d$/)
        const tooWide = page.evaluate(() =>
          [document.documentElement, ...document.querySelectorAll(".scroller")]
            .filter(({ clientWidth, scrollWidth }) => scrollWidth > clientWidth)
            .map((element) => element.getAttribute("aria-label") ?? element.tagName)
        )
        assert.deepStrictEqual(yield* ask(() => tooWide), [])
        assert.strictEqual(yield* ask(() => page.evaluate(() => innerWidth)), PHONE.width)
      })
    )
  }

  it.effect("is reached by keyboard: the skip link, the theme, and every region that scrolls", () =>
    Effect.gen(function* () {
      const { page } = yield* openScripted({}, (feed) => {
        feed.status = busyStatus()
      })
      yield* shows(page, "number-used", /^5$/)
      const reached: Array<string> = []
      while (reached.length < MOST_PRESSES && reached.at(-1) !== "/status") {
        yield* ask(() => page.keyboard.press("Tab"))
        reached.push(
          yield* ask(() =>
            page.evaluate(
              () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? ""
            )
          )
        )
      }
      const wanted = [
        "Skip to the verdict",
        "Theme: system",
        "Full texts",
        "Sessions of the pool",
        "Callers that wait for a session, the oldest first",
        "The last 50 events",
        "/status"
      ]
      assert.deepStrictEqual(
        reached.filter((name) => wanted.includes(name)),
        wanted
      )
      yield* ask(() => page.locator("#whole").focus())
      yield* ask(() => page.keyboard.press("Enter"))
      assert.strictEqual(yield* ask(() => page.locator("#whole").getAttribute("aria-pressed")), "true")
    })
  )

  it.effect("has landmarks, headings, captions and text for every chart in its accessibility tree", () =>
    Effect.gen(function* () {
      const { page } = yield* openScripted({}, (feed) => {
        feed.status = busyStatus()
        feed.hello = helloFixture({ history: historyFixture(40, () => ({ used: 3 })) })
      })
      yield* shows(page, "number-used", /^5$/)
      const tree = yield* ask(() => page.locator("body").ariaSnapshot())
      for (const line of [
        "- banner:",
        "- main:",
        "- contentinfo:",
        `- heading "effect-supavisor 0.1.0" [level=1]`,
        `- heading "Sessions" [level=2]`,
        `- table "Sessions of the pool":`,
        `- columnheader "Held by"`,
        `- rowheader "5"`,
        "- status:",
        `- navigation "The same data":`
      ]) {
        assert.include(tree, line)
      }
      assert.match(tree, /img "Chart: Sessions by state\. Now: .*used 3.*Highest: .*used 3/)
      assert.strictEqual(tree.match(/img "Chart: /g)?.length, 10)
    })
  )
})
