/** The page, opened on a server with scripted responses. */
import * as Effect from "effect/Effect"
import { Browser, type OpenOptions, shows } from "./Browser.ts"
import { makeScriptedFeed, type ScriptedFeed } from "./ScriptedFeed.ts"

/** Opens the page once the feed is prepared, and waits until it is live. */
export const openScripted = Effect.fnUntraced(function* (
  options: OpenOptions = {},
  prepare: (feed: ScriptedFeed) => void = () => {}
) {
  const feed = yield* makeScriptedFeed
  prepare(feed)
  const opened = yield* (yield* Browser).open(feed.url, options)
  yield* shows(opened.page, "connection-text", /^Live$/)
  return { feed, ...opened }
})
