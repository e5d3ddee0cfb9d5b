/** Text for a terminal: without control characters, and cut, filled or wrapped to a width. */
import { displayWidth } from "effect/cli/CliOutput"
import * as Effect from "effect/Effect"
import * as Terminal from "effect/Terminal"

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

/** Places at which a long word may be broken: after the punctuation of addresses, paths and names. */
const SEAM = /(?<=[-_./@:,=])/

/** Blanks at which a line may end: not before a unit. */
const BREAK = /\s+(?!(?:ms|s|min|h|d|B|[KMGT]iB|%)(?!\w))/

/** Joins the parts in order into pieces no wider than the width; a part wider than that is a piece of its own. */
const joinUpTo = (parts: Iterable<string>, width: number): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  for (const part of parts) {
    const last = pieces.at(-1)
    if (last !== undefined && widthOf(last) + widthOf(part) <= width) pieces[pieces.length - 1] = last + part
    else pieces.push(part)
  }
  return pieces
}

/** Pieces of a word that fit: broken at its seams, and where it has none, between any two characters. */
const pieces = (word: string, width: number): ReadonlyArray<string> =>
  widthOf(word) <= width
    ? [word]
    : joinUpTo(word.split(SEAM), width).flatMap((piece) =>
        widthOf(piece) <= width
          ? [piece]
          : joinUpTo(
              Array.from(graphemes.segment(piece), ({ segment }) => segment),
              width
            )
      )

/** The text in lines no wider than the width (at least 2), at least one; without a width, one line. */
export const wrap = (text: string, width: number | undefined): ReadonlyArray<string> => {
  if (width === undefined) return [text]
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(BREAK)) {
    for (const [index, piece] of pieces(word, width).entries()) {
      const joint = line === "" || index > 0 ? "" : " "
      if (widthOf(line) + joint.length + widthOf(piece) <= width && !(index > 0 && line === "")) line += joint + piece
      else {
        if (line !== "") lines.push(line)
        line = piece
      }
    }
  }
  return line === "" && lines.length > 0 ? lines : [...lines, line]
}

/** The terminal's width in columns; undefined for a pipe or a file. */
export const terminalWidth: Effect.Effect<number | undefined, never, Terminal.Terminal> = Effect.gen(function* () {
  const columns = yield* (yield* Terminal.Terminal).columns
  return columns > 0 ? columns : undefined
})
