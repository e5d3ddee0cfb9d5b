/** The installed Chromium, for tests of what a person sees. */
import { assert, describe, it, layer, type Vitest } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { elapsed } from "../Timing.ts"

/** Paths of the program: Debian's package, then Chrome and Chromium on GitHub's machines. */
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

/** The installed program; undefined where there is none. */
const program = places.find((place) => Fs.existsSync(place))

/** Set by .ci/run to the programs that CI needs, so that CI skips no test for lack of one. */
const REQUIRED = (process.env["CI_REQUIRE"] ?? "").split(",").includes("chromium")

const MISSING = "chromium is not installed (on Debian: apt-get install chromium)"

/** What a page may take to show something on a loaded machine, in milliseconds. */
const PATIENCE_MILLIS = 120_000

/** How often a page is looked at, in milliseconds. */
const LOOK_MILLIS = 20

/** Root has no sandbox, and a container's /dev/shm is small. */
const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]

/** The body of a response without one, such as a redirect. */
const NO_BODY = ""

export interface OpenPage {
  readonly page: Page
  /** What went to the console as an error, and what was thrown, since the page was opened. */
  readonly problems: ReadonlyArray<string>
  /** Every requested address. */
  readonly requests: ReadonlyArray<string>
  /** The bodies of the answers, but for the stream, which has no end. */
  readonly bodies: ReadonlyArray<Promise<string>>
}

/** How a page is opened. */
export interface OpenOptions extends BrowserContextOptions {
  /** Runs in the page before anything of it does. */
  readonly before?: () => void
  /** Whether the page's clock can be put forward. */
  readonly clock?: boolean
}

/** A running browser; every page has a profile of its own. */
export class Browser extends Context.Service<
  Browser,
  { readonly open: (url: string, options?: OpenOptions) => Effect.Effect<OpenPage, never, Scope.Scope> }
>()("effect-supavisor/test/Browser") {
  /** Chromium while the layer is alive. */
  static readonly layer: Layer.Layer<Browser> = Layer.effect(
    Browser,
    Effect.gen(function* () {
      const browser = yield* Effect.acquireRelease(
        Effect.promise(() => chromium.launch({ executablePath: program ?? MISSING, args: CHROMIUM_FLAGS })),
        (browser) => Effect.promise(() => browser.close())
      )
      const open = Effect.fnUntraced(function* (url: string, { before, clock, ...options }: OpenOptions = {}) {
        const context = yield* Effect.acquireRelease(
          Effect.promise(() => browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })),
          (context) => Effect.promise(() => context.close())
        )
        context.setDefaultTimeout(PATIENCE_MILLIS)
        const page = yield* Effect.promise(() => context.newPage())
        const problems: Array<string> = []
        const requests: Array<string> = []
        const bodies: Array<Promise<string>> = []
        page.on("console", (message) => {
          if (message.type() === "error" || message.type() === "warning") problems.push(message.text())
        })
        page.on("pageerror", (error) => problems.push(String(error)))
        page.on("request", (request) => requests.push(request.url()))
        page.on("response", (response) => {
          if (!response.url().endsWith("/events")) bodies.push(response.text().catch(() => NO_BODY))
        })
        yield* Effect.promise(async () => {
          if (before !== undefined) await page.addInitScript(before)
          if (clock === true) await page.clock.install()
          await page.goto(url)
        })
        return { page, problems, requests, bodies }
      })
      return { open }
    })
  )
}

/** Tests in Chromium and with what else they need: skipped with the reason without it, or failed where it is a must. */
export const withChromium = <R, E>(
  name: string,
  services: Layer.Layer<R, E>,
  tests: (it: Vitest.MethodsNonLive<Browser | R>) => void
): void => {
  if (program !== undefined) {
    layer(Layer.merge(Browser.layer, services), { excludeTestServices: true })(name, tests)
    return
  }
  describe(name, () => {
    if (REQUIRED) return it("needs Chromium", () => assert.fail(MISSING))
    console.warn(`Skipped "${name}": ${MISSING}`)
    return it.skip(MISSING, () => {})
  })
}

/** The text of an element, once it matches; fails with the one that it has instead. */
export const shows = (page: Page, id: string, pattern: RegExp): Effect.Effect<string> =>
  Effect.promise(async () => {
    try {
      const found = await page.waitForFunction(
        ({ id, source }) => {
          const text = document.getElementById(id)?.textContent ?? ""
          return new RegExp(source).test(text) ? text : undefined
        },
        { id, source: pattern.source },
        { polling: LOOK_MILLIS }
      )
      return String(await found.jsonValue())
    } catch (cause) {
      const text = await page.locator(`#${id}`).textContent()
      throw new Error(`#${id} never showed ${pattern}, but: ${text}`, { cause })
    }
  })

/** How long, in milliseconds, until an element's text matches. */
export const timeUntilShown = (page: Page, id: string, pattern: RegExp): Effect.Effect<number> =>
  elapsed(shows(page, id, pattern))

/** Takes a look at the page. */
export const ask = <A>(look: () => Promise<A>): Effect.Effect<A> => Effect.promise(look)

/** What a person reads in the first element that a selector finds. */
export const textOf = (page: Page, selector: string): Effect.Effect<string> =>
  ask(() => page.locator(selector).first().innerText())
