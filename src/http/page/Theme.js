/** Light or dark: what the system says, unless the person said otherwise; and the colours as a canvas needs them. */
import { byId, setAttribute, setText } from "./Dom.js"

/** @typedef {"system" | "light" | "dark"} Choice */

const KEY = "effect-supavisor/theme"

/**
 * What `colorOf` has found out since the last change.
 *
 * @type {Map<string, string>}
 */
const palette = new Map()

/** @type {{ readonly [Key in Choice]: Choice }} */
const following = { system: "light", light: "dark", dark: "system" }

/** @returns {Choice} */
const remembered = () => {
  try {
    const choice = localStorage.getItem(KEY)
    return choice === "light" || choice === "dark" ? choice : "system"
  } catch {
    return "system"
  }
}

/** @param {Choice} choice */
const remember = (choice) => {
  try {
    if (choice === "system") localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, choice)
  } catch {
    // A browser that stores nothing still shows what was chosen, until the page is left.
  }
}

/**
 * Follows the choice and the system; `changed` is called after every change of either.
 *
 * @param {() => void} changed
 */
export const startTheme = (changed) => {
  const button = byId("theme")
  let choice = remembered()
  const repaint = () => {
    palette.clear()
    changed()
  }
  const apply = () => {
    setAttribute(document.documentElement, "data-theme", choice === "system" ? undefined : choice)
    setText(button, `Theme: ${choice}`)
    repaint()
  }
  button.addEventListener("click", () => {
    choice = following[choice]
    remember(choice)
    apply()
  })
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint)
  apply()
}

/**
 * The colour of a name in the style sheet, as it is now: a canvas does not know names.
 *
 * @param {string} name
 */
export const colorOf = (name) => {
  const known = palette.get(name)
  if (known !== undefined) return known
  const probe = byId("probe")
  probe.style.color = `var(--${name})`
  const { color } = getComputedStyle(probe)
  palette.set(name, color)
  return color
}
