/** `watch`: follows a running program, on the screen of a terminal or, elsewhere, in lines. */
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
import { type Target, targetOf, type TargetOptions } from "../status/Target.ts"
import { follow } from "./Feed.ts"
import { frame } from "./Frame.ts"
import { reactToKeys } from "./Keys.ts"
import { openScreen } from "./Screen.ts"
import { asciiBlocks, blocks } from "./Sparkline.ts"
import { watchLine } from "./WatchLine.ts"
import { advance, initialState } from "./WatchState.ts"

export interface WatchOptions extends TargetOptions {
  readonly timeout: Duration.Duration
}

/** What terminals are taken for that do not say how large they are. */
const USUAL_COLUMNS = 80
const USUAL_ROWS = 24

/** The clock, the ages and what is old are drawn anew this often when nothing comes. */
const TICK_MILLIS = 1000

/** Messages that come together make one frame: no eye sees more than twenty in a second. */
const GATHER_MILLIS = 50

/** A locale that names another character set than UTF-8 cannot show the blocks; one that is not set says nothing. */
const charactersOf = (env: Readonly<Record<string, string | undefined>>): string => {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "")
  return locale === undefined || /utf-?8/i.test(locale) ? blocks : asciiBlocks
}

const onScreen = Effect.fnUntraced(function* (target: Target, timeout: Duration.Duration, coloured: boolean) {
  const terminal = yield* Terminal.Terminal
  const state = yield* Ref.make(initialState)
  const changed = yield* Queue.sliding<void>(1)
  const characters = charactersOf(process.env)

  const feed = follow(target, timeout, (message) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* Ref.update(state, (known) => advance(known, message, now))
      yield* Queue.offer(changed, undefined)
    })
  )

  const show = Effect.gen(function* () {
    // A program that cannot be reached is told on the ordinary screen, where it stays to be read.
    yield* Queue.take(changed)
    const screen = yield* openScreen(coloured)
    const redraw = Effect.andThen(
      Effect.sync(() => screen.forget()),
      Queue.offer(changed, undefined)
    )
    const sizes = yield* terminal.size
    yield* Queue.take(sizes).pipe(Effect.andThen(redraw), Effect.forever, Effect.ignore, Effect.forkScoped)
    const draw = Effect.gen(function* () {
      const view = {
        columns: (yield* terminal.columns) || USUAL_COLUMNS,
        rows: (yield* terminal.rows) || USUAL_ROWS,
        now: yield* Clock.currentTimeMillis,
        base: target.base,
        characters
      }
      screen.draw(frame(yield* Ref.get(state), view))
      yield* Effect.raceFirst(Queue.take(changed), Effect.sleep(TICK_MILLIS))
      yield* Effect.sleep(GATHER_MILLIS)
    })
    yield* Effect.raceFirst(Effect.forever(draw), reactToKeys(terminal, screen, redraw))
  })

  yield* Effect.raceFirst(feed, Effect.scoped(show))
})

/** Whoever read the lines has gone, as `head` does. */
const readerLeft = Effect.callback<void>((resume) => {
  const leave = () => resume(Effect.void)
  process.stdout.on("error", leave)
  return Effect.sync(() => process.stdout.off("error", leave))
})

const inLines = Effect.fnUntraced(function* (target: Target, timeout: Duration.Duration) {
  const state = yield* Ref.make(initialState)
  const known = yield* Latch.make()
  const feed = follow(target, timeout, (message) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* Ref.update(state, (before) => advance(before, message, now))
      if (message.kind === "status") yield* known.open
    })
  )
  const print = Effect.gen(function* () {
    yield* Console.log(watchLine(yield* Ref.get(state), yield* Clock.currentTimeMillis))
  })
  const printing = Effect.andThen(known.await, Effect.repeat(print, Schedule.fixed(TICK_MILLIS)))
  yield* feed.pipe(Effect.raceFirst(printing), Effect.raceFirst(readerLeft))
})

/**
 * The command, until it is interrupted, `q` is pressed, or the reader of its lines leaves.
 *
 * Fails with `TargetInvalid` (code 2), or with `NoAnswer` (code 1) when the program cannot be reached at first or
 * does not let us in; later losses are shown, and healed by themselves.
 */
export const showWatch = Effect.fn("watch")(
  function* (options: WatchOptions) {
    const target = yield* targetOf(options)
    const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
    yield* canAnimate ? onScreen(target, options.timeout, canColor) : inLines(target, options.timeout)
  },
  (effect) => Effect.provide(effect, client)
)
