/** `watch`: follows a running program, on the screen of a terminal or in lines. */
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Terminal from "effect/Terminal"
import { client } from "../status/StatusClient.ts"
import { addressOf, type AddressOptions, type OperationsAddress } from "../status/OperationsAddress.ts"
import { follow } from "./Feed.ts"
import { asciiBlocks, blocks, frame } from "./Frame.ts"
import { handleKeys, openScreen } from "./Screen.ts"
import { advance, initialState, watchLine } from "./WatchState.ts"

export interface WatchOptions extends AddressOptions {
  readonly timeout: Duration.Duration
}

/** The size assumed of a terminal that does not report one. */
const DEFAULT_COLUMNS = 80
const DEFAULT_ROWS = 24

/** How often the view is redrawn without a message: the clock and the ages change. */
const TICK_MILLIS = 1000

/** Messages within this time are drawn as one frame. */
const FRAME_MILLIS = 50

/** ASCII when the locale names another character set than UTF-8; an unset locale counts as UTF-8. */
const charactersOf = (env: Readonly<Record<string, string | undefined>>): string => {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "")
  return locale === undefined || /utf-?8/i.test(locale) ? blocks : asciiBlocks
}

const onScreen = Effect.fnUntraced(function* (
  address: OperationsAddress,
  timeout: Duration.Duration,
  coloured: boolean
) {
  const terminal = yield* Terminal.Terminal
  const state = yield* Ref.make(initialState)
  const changed = yield* Queue.sliding<void>(1)
  const characters = charactersOf(process.env)

  const feed = follow(address, timeout, (message) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* Ref.update(state, (before) => advance(before, message, now))
      yield* Queue.offer(changed, undefined)
    })
  )

  const show = Effect.gen(function* () {
    // The screen opens with the first message: an error before it stays readable on the ordinary screen.
    yield* Queue.take(changed)
    const screen = yield* openScreen(coloured)
    const redraw = Effect.andThen(
      Effect.sync(() => screen.clear()),
      Queue.offer(changed, undefined)
    )
    const sizes = yield* terminal.size
    yield* Queue.take(sizes).pipe(Effect.andThen(redraw), Effect.forever, Effect.ignore, Effect.forkScoped)
    const draw = Effect.gen(function* () {
      const view = {
        columns: (yield* terminal.columns) || DEFAULT_COLUMNS,
        rows: (yield* terminal.rows) || DEFAULT_ROWS,
        now: yield* Clock.currentTimeMillis,
        base: address.base,
        characters
      }
      screen.draw(frame(yield* Ref.get(state), view))
      yield* Effect.raceFirst(Queue.take(changed), Effect.sleep(TICK_MILLIS))
      yield* Effect.sleep(FRAME_MILLIS)
    })
    yield* Effect.raceFirst(Effect.forever(draw), handleKeys(terminal, screen, redraw))
  })

  yield* Effect.raceFirst(feed, Effect.scoped(show))
})

/** Ends when the reader of the output closes it, as `head` does. */
const outputClosed = Effect.callback<void>((resume) => {
  const onError = () => resume(Effect.void)
  process.stdout.on("error", onError)
  return Effect.sync(() => process.stdout.off("error", onError))
})

const inLines = Effect.fnUntraced(function* (address: OperationsAddress, timeout: Duration.Duration) {
  const state = yield* Ref.make(initialState)
  const hasStatus = yield* Latch.make()
  const feed = follow(address, timeout, (message) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* Ref.update(state, (before) => advance(before, message, now))
      if (message.kind === "status") yield* hasStatus.open
    })
  )
  const print = Effect.gen(function* () {
    yield* Console.log(watchLine(yield* Ref.get(state), yield* Clock.currentTimeMillis))
  })
  const printing = Effect.andThen(hasStatus.await, Effect.repeat(print, Schedule.fixed(TICK_MILLIS)))
  yield* feed.pipe(Effect.raceFirst(printing), Effect.raceFirst(outputClosed))
})

/**
 * The command, until it is interrupted, `q` is pressed, or the reader of its lines closes the output.
 *
 * Fails with `AddressInvalid` (code 2), or with `StatusUnavailable` (code 1) when the program cannot be reached at first
 * or denies access; later losses of the connection are shown, and the connection is opened again.
 */
export const showWatch = Effect.fn("watch")(
  function* (options: WatchOptions) {
    const address = yield* addressOf(options)
    const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
    yield* canAnimate ? onScreen(address, options.timeout, canColor) : inLines(address, options.timeout)
  },
  (effect) => Effect.provide(effect, client)
)
