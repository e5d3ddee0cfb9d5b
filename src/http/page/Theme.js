/** The theme, of the system unless another one was chosen, and its colours for canvases. */
import { byId, setAttribute, setText } from "./Dom.js"

/** @typedef {"system" | "light" | "dark"} Choice */

const KEY = "effect-supavisor/theme"

// The colours that `colorOf` has computed since the last change of the theme.
/** @type {Map<string, string>} */
const palette = new Map()

/** @type {{ readonly [Key in Choice]: Choice }} */
const nextChoice = { system: "light", light: "dark", dark: "system" }

/** @returns {Choice} */
const loadChoice = () => {
  try {
    const choice = localStorage.getItem(KEY)
    return choice === "light" || choice === "dark" ? choice : "system"
  } catch {
    return "system"
  }
}

/** @param {Choice} choice */
const saveChoice = (choice) => {
  try {
    if (choice === "system") localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, choice)
  } catch {
    // Without storage the choice holds until the page is closed.
  }
}

// Applies the theme; `changed` is called after every change of the choice and of the system's theme.
/** @param {() => void} changed */
export const startTheme = (changed) => {
  const button = byId("theme")
  let choice = loadChoice()
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
    choice = nextChoice[choice]
    saveChoice(choice)
    apply()
  })
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint)
  apply()
}

// The current value of a named colour of the style sheet; a canvas cannot use the name.
/** @param {string} name */
export const colorOf = (name) => {
  const known = palette.get(name)
  if (known !== undefined) return known
  const probe = byId("probe")
  probe.style.color = `var(--${name})`
  const { color } = getComputedStyle(probe)
  palette.set(name, color)
  return color
}
