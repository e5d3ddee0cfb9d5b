/** The verdict as it is seen, in the tab's title and icon too, and as it is heard when it changes. */
import { byId, setAttribute, setText, show } from "./Dom.js"
import { age, clock, counted, duration } from "./Format.js"
import { colorOf } from "./Theme.js"
import { lostVerdict, verdictOf } from "./Verdict.js"

/** @import { Model } from "./Model.js" */
/** @import { Verdict } from "./Verdict.js" */

/** @param {Model} model */
const verdictNow = ({ connection, status }) => {
  const last = status === undefined ? undefined : verdictOf(status)
  if (connection._tag !== "lost") return last
  const { since, why } = connection
  return lostVerdict({ since, why, forMillis: Date.now() - since, last })
}

/** @param {Model} model */
const checks = (model) => {
  const { health } = model.status ?? {}
  if (health === undefined) return ""
  const { checkedAt, consecutiveFailures, latencyMillis } = health
  const ago = checkedAt === undefined ? "Not checked yet." : `Checked ${age(model.serverNow() - checkedAt)} ago.`
  return [
    ago,
    ...(latencyMillis === undefined ? [] : [`The last answer took ${duration(latencyMillis)}.`]),
    ...(consecutiveFailures === 0 ? [] : [`${counted(consecutiveFailures, "check")} failed in a row.`]),
    ...(health.lastError === undefined ? [] : [`Last trouble at ${clock(health.lastError.at)}.`])
  ].join("\n")
}

/**
 * A dot in the verdict's colour; a ring where something is wrong, because colour is not the only sign.
 *
 * @param {Verdict} verdict
 */
const icon = ({ level }) => {
  const color = encodeURIComponent(colorOf(`level-${level}`))
  const fill = level === "up" ? color : "none"
  const circle = `<circle cx='8' cy='8' r='5' fill='${fill}' stroke='${color}' stroke-width='3'/>`
  return `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${circle}</svg>`
}

/** Makes a function that shows the model's verdict, and says it when it is another one. */
export const makeVerdict = () => {
  let told = ""
  /** @param {Model} model */
  return (model) => {
    const verdict = verdictNow(model)
    if (verdict === undefined) return
    const { key, level, reason, remedy, since, word } = verdict
    setAttribute(byId("verdict"), "data-level", level)
    setAttribute(byId("verdict-mark"), "href", `#mark-${level}`)
    setText(byId("verdict-word"), word)
    setText(byId("verdict-since"), `since ${clock(since)}`)
    setText(byId("verdict-reason"), reason)
    setText(byId("verdict-remedy"), remedy)
    show(byId("verdict-remedy"), remedy !== "")
    setText(byId("verdict-checks"), level === "lost" ? "" : checks(model))
    if (key === told) return
    told = key
    setText(byId("announcement"), `${word}: ${reason}`)
    document.title = `${word} · ${model.status?.endpoint.host ?? "effect-supavisor"} · effect-supavisor`
    setAttribute(byId("icon"), "href", icon(verdict))
  }
}
