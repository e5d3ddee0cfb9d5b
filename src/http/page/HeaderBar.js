/** The bar at the top: the program, its database, its uptime, and whether the page is connected. */
import { byId, setAttribute, setText, show } from "./Dom.js"
import { age, clock, MILLIS_PER_SECOND } from "./Format.js"

/** @import { Model } from "./Model.js" */

/** @param {Model} model */
export const showHeader = ({ connection, status }) => {
  setAttribute(document.body, "data-connection", connection._tag)
  setText(
    byId("connection-text"),
    connection._tag === "live"
      ? "Live"
      : connection._tag === "connecting"
        ? "Connecting"
        : `Not connected since ${clock(connection.since)}, trying again`
  )
  if (status === undefined) return
  const { host, port, database } = status.endpoint
  setText(byId("version"), status.version)
  setText(byId("endpoint"), `${host}:${port}/${database}`)
  setText(byId("uptime"), age(status.uptimeSeconds * MILLIS_PER_SECOND))
  show(byId("demo"), status.demo)
}
