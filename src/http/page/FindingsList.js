/** The findings, each with its remedy. */
import { byId, element, setAttribute, setText, show } from "./Dom.js"
import { clock } from "./Format.js"
import { makeRows } from "./Rows.js"

/** @import { StatusBody, StatusFinding } from "../StatusSchema.ts" */

/** @param {StatusFinding} finding */
const make = (finding) => {
  const severity = element("span", { class: "tag" })
  const title = element("h3")
  const since = element("span", { class: "aside" })
  const detail = element("p")
  const remedy = element("p", { class: "remedy" })
  const head = element("div", { class: "head" }, [severity, title, since])
  const item = element("li", { class: "panel", "data-finding": finding.id }, [head, detail, remedy])
  return {
    element: item,
    /** @param {StatusFinding} now */
    update: (now) => {
      setAttribute(item, "data-severity", now.severity)
      setText(severity, now.severity)
      setText(title, now.title)
      setText(since, `since ${clock(now.since)}`)
      setText(detail, now.detail)
      setText(remedy, now.remedy)
    }
  }
}

export const makeFindings = () => {
  const rows = makeRows(byId("findings"), { key: ({ id }) => id, make })
  /** @param {StatusBody} status */
  return ({ findings }) => {
    rows(findings ?? [])
    show(byId("no-findings"), findings === null || findings.length === 0)
    setText(byId("no-findings"), findings === null ? "The advisor is not part of this program." : "No findings.")
  }
}
