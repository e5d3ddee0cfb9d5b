/** The six numbers below the verdict. */
import { byId, setAttribute, setText } from "./Dom.js"
import { count, duration, percent } from "./Format.js"

/** @import { StatusBody } from "../StatusSchema.ts" */

/** @type {(name: string, value: string, note: string, mark?: string) => void} */
const tile = (name, value, note, mark) => {
  const shown = byId(`number-${name}`)
  setText(shown, value)
  setText(byId(`note-${name}`), note)
  if (shown.parentElement !== null) setAttribute(shown.parentElement, "data-mark", mark)
}

/** @param {StatusBody} status */
export const showNumbers = ({ pool, wait }) => {
  const { ceiling, closing, connecting, idle, max, min, oldestWaitMillis, used, waiting } = pool
  const granted = Math.min(ceiling, max)
  const share = granted === 0 ? 0 : used / granted
  tile("used", count(used), `of ${count(granted)}, ${percent(share)}`, share >= 1 ? "warn" : undefined)
  tile("idle", count(idle), `at least ${count(min)} kept open`)
  tile("connecting", count(connecting), closing === 0 ? "none closing" : `${count(closing)} closing`)
  tile(
    "waiting",
    count(waiting),
    waiting === 0 ? "no caller in the queue" : `oldest ${duration(oldestWaitMillis)}`,
    waiting === 0 ? undefined : "warn"
  )
  tile("ceiling", count(granted), `of max ${count(max)}`, granted < max ? "warn" : undefined)
  tile("wait", duration(wait.p95), `last minute, p99 ${duration(wait.p99)}`)
}
