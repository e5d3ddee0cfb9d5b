/** Breaks a text into lines of a width. */
import { widthOf } from "./PlainText.ts"
import * as Effect from "effect/Effect"
import * as Terminal from "effect/Terminal"

/** Places at which a long word may be broken: after the punctuation of addresses, paths and names. */
const SEAM = /(?<=[-_./@:,=])/

/** Blanks at which a line may end: not before a unit. */
const BREAK = /\s+(?!(?:ms|s|min|h|d|B|[KMGT]iB|%)(?!\w))/

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

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

/**
 * The text in lines no wider than the width; only the blanks at which a line ends are left out. At least one line.
 *
 * The width is at least 2, because a wide character takes two columns; without one the text is a single line.
 */
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
