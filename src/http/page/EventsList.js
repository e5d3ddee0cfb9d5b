/** The last events, newest first. */
import { byId, element, setText, show } from "./Dom.js"
import { clock } from "./Format.js"
import { makeRows } from "./Rows.js"

/** @import { Model } from "./Model.js" */

/** @type {Readonly<Record<string, string>>} */
const levelTexts = { info: "info", warn: "warning", error: "error" }

export const makeEvents = () => {
  const rows = makeRows(byId("events"), {
    /** @param {Model["events"][number]} event */
    key: ({ id }) => id,
    make: ({ at, level, tag }) => {
      const text = element("p")
      const time = element("time", { datetime: new Date(at).toISOString() }, [clock(at)])
      const what = element("span", { class: "tag", "data-level": level }, [levelTexts[level] ?? level])
      return {
        element: element("li", {}, [time, what, element("span", { class: "name" }, [tag]), text]),
        update: (event) => setText(text, event.text)
      }
    }
  })
  /** @param {Model} model */
  return ({ events }) => {
    rows(events.toReversed())
    show(byId("no-events"), events.length === 0)
  }
}
