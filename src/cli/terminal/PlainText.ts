/** Text for a terminal: nothing in it can move the cursor, and none of it is wider than there is room. */
import { displayWidth } from "effect/cli/CliOutput"

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, and the marks that turn the direction of text:
 * with them, text that somebody else wrote could repaint the screen or read as something it is not.
 */
// oxlint-disable-next-line no-control-regex -- these are the characters to take out
const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]+/g

/** One line without anything that a terminal would obey; what was taken out becomes one space. */
export const plainText = (text: string): string => text.replaceAll(UNSAFE, " ").trim()

/** Reads JSON whose texts all become plain. Throws a `SyntaxError` for what is no JSON. */
export const parsePlain = (json: string): unknown =>
  JSON.parse(json, (_key, value: unknown) => (typeof value === "string" ? plainText(value) : value))

/** JSON as it is, with the characters escaped that JSON itself leaves in place and a terminal would obey. */
export const safeJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).replaceAll(
    /[\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

const ELLIPSIS = "…"

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

const PRINTABLE_ASCII = /^[ -~]*$/

/** Columns that a text takes on a terminal; wide characters take two. */
export const widthOf = (text: string): number => (PRINTABLE_ASCII.test(text) ? text.length : displayWidth(text))

/** The text cut to a width in columns, with an ellipsis where something was cut off. */
export const cut = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text
  if (width <= 0) return ""
  let kept = ""
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment)
    if (used > width - 1) break
    kept += segment
  }
  return `${kept.trimEnd()}${ELLIPSIS}`
}

/** The text in exactly this many columns: cut, or filled with spaces on its right. */
export const fill = (text: string, width: number): string => {
  const shown = cut(text, width)
  return shown + " ".repeat(Math.max(0, width - widthOf(shown)))
}

/** The text in exactly this many columns, filled on its left: numbers stand below each other. */
export const fillLeft = (text: string, width: number): string => {
  const shown = cut(text, width)
  return " ".repeat(Math.max(0, width - widthOf(shown))) + shown
}
