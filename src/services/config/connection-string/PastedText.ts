import type { Note } from "./Problem.ts"

/** A pasted text without the additions of copy and paste. */
export interface PastedText {
  readonly text: string
  readonly notes: ReadonlyArray<Note>
}

const BLANK = String.raw`[\s\u200B-\u200D\u2060\uFEFF]`
const QUOTE = String.raw`\\?["'\u0060\u2018\u2019\u201C\u201D]`

const OUTER_BLANKS = new RegExp(`^${BLANK}+|${BLANK}+$`, "g")
/** A line break inside the text comes from a wrapped line; blanks that follow it are its indentation. */
const INNER_BREAKS = /[\r\n]\s*|[\t\u200B-\u200D\u2060\uFEFF]/g
const OUTER_QUOTES = new RegExp(`^(?:${QUOTE})+|(?:${QUOTE})+[;,]?$`, "g")
const URI_FOLLOWS = `(?=(?:${QUOTE})?postgres(?:ql)?://)`
const SETTING_BEFORE = new RegExp(`^(?:export\\s+)?[A-Za-z_]\\w*(?:\\s*=\\s*|:\\s+)${URI_FOLLOWS}`, "i")
const COMMAND_BEFORE = new RegExp(`^psql\\s+${URI_FOLLOWS}`, "i")

const surroundingBlanks: Note = {
  code: "surrounding-blanks",
  message: "Blanks or line breaks around the connection string were ignored.",
  remedy: "Remove them where the value is set."
}

const steps: ReadonlyArray<Note & { readonly pattern: RegExp }> = [
  { pattern: OUTER_BLANKS, ...surroundingBlanks },
  {
    pattern: INNER_BREAKS,
    code: "line-break",
    message: "Line breaks, tabs or invisible characters inside the connection string were removed.",
    remedy: "Put the connection string on one line."
  },
  {
    pattern: COMMAND_BEFORE,
    code: "command-before",
    message: "The command name `psql` before the connection string was ignored.",
    remedy: "Set the value to the connection string alone."
  },
  {
    pattern: SETTING_BEFORE,
    code: "variable-name-before",
    message: "The name of a variable before the connection string was ignored.",
    remedy: "Set the value to the part after the equals sign."
  },
  {
    pattern: OUTER_QUOTES,
    code: "surrounding-quotes",
    message: "Quotation marks around the connection string were ignored.",
    remedy: "Remove them: they became part of the value."
  }
]

/** Removes blanks, line breaks, quotation marks and a leading variable name, with a note for each. */
export const cleanPastedText = (pasted: string): PastedText => {
  const notes = new Map<string, Note>()
  const trimmed = pasted.trim()
  if (trimmed !== pasted) notes.set(surroundingBlanks.code, surroundingBlanks)
  let text = trimmed
  let before: string
  do {
    before = text
    for (const { pattern, ...note } of steps) {
      const cleaned = text.replace(pattern, "")
      if (cleaned !== text) notes.set(note.code, note)
      text = cleaned
    }
  } while (text !== before)
  return { text, notes: [...notes.values()] }
}
