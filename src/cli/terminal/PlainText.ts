/** Text for a terminal: without control characters, and cut or filled to a width. */
import { displayWidth } from "effect/cli/CliOutput"

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, and marks that change the direction of text. With
 * them, foreign text could control the terminal or read as something else.
 */
// oxlint-disable-next-line no-control-regex -- these are the characters to take out
const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]+/g

/** One line without unsafe characters; each run of them becomes a space. */
export const plainText = (text: string): string => text.replaceAll(UNSAFE, " ").trim()

/** Parses JSON and makes every string plain. Throws a `SyntaxError` for invalid JSON. */
export const parsePlain = (json: string): unknown =>
  JSON.parse(json, (_key, value: unknown) => (typeof value === "string" ? plainText(value) : value))

/** JSON in which the unsafe characters that JSON allows in strings are escaped. */
export const safeJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).replaceAll(
    /[\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

const ELLIPSIS = "…"

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

const PRINTABLE_ASCII = /^[ -~]*$/

/** The width of a text in columns of a terminal; wide characters take two. */
export const widthOf = (text: string): number => (PRINTABLE_ASCII.test(text) ? text.length : displayWidth(text))

/** The text cut to a width in columns, with an ellipsis when it was cut. */
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

/** The text in exactly this width: cut, or filled with spaces at its right. */
export const fill = (text: string, width: number): string => {
  const shown = cut(text, width)
  return shown + " ".repeat(Math.max(0, width - widthOf(shown)))
}

/** The text in exactly this width, filled at its left, for numbers. */
export const fillLeft = (text: string, width: number): string => {
  const shown = cut(text, width)
  return " ".repeat(Math.max(0, width - widthOf(shown))) + shown
}
