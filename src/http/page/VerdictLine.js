/** The server's verdict, or that the page is disconnected: on the page, in the tab's title and icon, and announced. */
import { byId, setAttribute, setText, show } from "./Dom.js"
import { age, clock, counted, duration } from "./Format.js"
import { colorOf } from "./Theme.js"

/** @import { Verdict } from "../StatusSchema.ts" */
/** @import { Model } from "./Model.js" */

/**
 * The verdict while there is no connection to the server; `last` is the server's last one.
 * @param {{ readonly since: number, readonly forMillis: number, readonly why: string, readonly last: Verdict | undefined }} loss
 * @returns {Verdict}
 */
export const disconnectedVerdict = ({ forMillis, last, since, why }) => ({
  level: "disconnected",
  word: "Not connected",
  reason: `${/[.!?]$/.test(why) ? why : `${why}.`} No status for ${age(forMillis)}, trying again.`,
  remedy: last === undefined ? undefined : `The last verdict was ${last.word}; the values below are of that time.`,
  key: "disconnected",
  since
})

/** @param {Model} model */
const verdictOf = ({ connection, status }) => {
  if (connection._tag !== "disconnected") return status?.verdict
  const { since, why } = connection
  return disconnectedVerdict({ since, why, forMillis: Date.now() - since, last: status?.verdict })
}

/** @param {Model} model */
const checks = (model) => {
  const { health } = model.status ?? {}
  if (health === undefined) return ""
  const { checkedAt, consecutiveFailures, lastError, latencyMillis } = health
  return [
    checkedAt === undefined ? "Not checked yet." : `Checked ${age(model.serverNow() - checkedAt)} ago.`,
    ...(latencyMillis === undefined ? [] : [`The last probe took ${duration(latencyMillis)}.`]),
    ...(consecutiveFailures === 0 ? [] : [`${counted(consecutiveFailures, "check")} failed in a row.`]),
    ...(lastError === undefined ? [] : [`Last error at ${clock(lastError.at)}.`])
  ].join("\n")
}

// A dot in the verdict's colour, or a ring unless the level is up, because colour must not be the only sign.
/** @param {Verdict} verdict */
const icon = ({ level }) => {
  const color = encodeURIComponent(colorOf(`level-${level}`))
  const fill = level === "up" ? color : "none"
  const circle = `<circle cx='8' cy='8' r='5' fill='${fill}' stroke='${color}' stroke-width='3'/>`
  return `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${circle}</svg>`
}

/** Makes a function that shows the model's verdict, and announces it when its key changes. */
export const makeVerdict = () => {
  let announced = ""
  /** @param {Model} model */
  return (model) => {
    const verdict = verdictOf(model)
    if (verdict === undefined) return
    const { key, level, reason, remedy = "", since, word } = verdict
    setAttribute(byId("verdict"), "data-level", level)
    setAttribute(byId("verdict-mark"), "href", `#mark-${level}`)
    setText(byId("verdict-word"), word)
    setText(byId("verdict-since"), `since ${clock(since)}`)
    setText(byId("verdict-reason"), reason)
    setText(byId("verdict-remedy"), remedy)
    show(byId("verdict-remedy"), remedy !== "")
    setText(byId("verdict-checks"), level === "disconnected" ? "" : checks(model))
    if (key === announced) return
    announced = key
    setText(byId("announcement"), `${word}: ${reason}`)
    document.title = `${word} · ${model.status?.endpoint.host ?? "effect-supavisor"} · effect-supavisor`
    setAttribute(byId("icon"), "href", icon(verdict))
  }
}
