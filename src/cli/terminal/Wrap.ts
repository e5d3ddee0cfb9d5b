/** Text in lines of a width. */
import { widthOf } from "./PlainText.ts"

/** Where a long word may be broken and still be read: addresses, paths and names have such places. */
const SEAM = /(?<=[-_./@:,=])/

/** Blanks at which a line may end: not those before a unit. */
const BREAK = /\s+(?!(?:ms|s|%)(?!\w))/

/** Pieces of a word that fit: at its seams, and where it has none, anywhere. */
const pieces = (word: string, width: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const part of word.split(SEAM)) {
    const last = found.at(-1)
    if (last !== undefined && widthOf(last) + widthOf(part) <= width) found[found.length - 1] = last + part
    else found.push(part)
  }
  return found.flatMap((piece) => {
    if (widthOf(piece) <= width) return [piece]
    const characters = Array.from(piece)
    const parts: Array<string> = []
    for (let at = 0; at < characters.length; at += width) parts.push(characters.slice(at, at + width).join(""))
    return parts
  })
}

/** The text in lines no wider than the width; nothing is lost but the blanks at which a line ends. At least one line. */
export const wrapText = (text: string, width: number): ReadonlyArray<string> => {
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
