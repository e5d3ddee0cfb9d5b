/** What is known as one line, for where there is no terminal to draw on. */
import { formatMillis } from "../terminal/Quantity.ts"
import { statusLine } from "../status/StatusLine.ts"
import type { WatchState } from "./WatchState.ts"

/** One line with its time (UTC), without anything that a terminal would obey. */
export const watchLine = ({ lost, status, statusAt }: WatchState, now: number): string => {
  const time = new Date(now).toISOString().replace(/\.\d+/, "")
  const last = status === undefined ? "" : statusLine(status, lost === undefined ? now : statusAt)
  return lost === undefined
    ? `${time} ${last}`
    : `${time} Not connected for ${formatMillis(now - lost.since)}: ${lost.why}. Last known: ${last}`
}
