/** The pages of the guide, and the blocks in them that can be run. */
import { readdirSync, readFileSync } from "node:fs"

export const guideDirectory = new URL("../../docs/guide/", import.meta.url)

/** File names of the pages. */
export const pageNames: ReadonlyArray<string> = readdirSync(guideDirectory)
  .filter((name) => name.endsWith(".md"))
  .toSorted()

export const readPage = (page: string): string => readFileSync(new URL(page, guideDirectory), "utf8")

/** One fenced block. */
export interface Block {
  readonly page: string
  /** Line number of its fence, from 1. */
  readonly line: number
  readonly language: string
  readonly text: string
  /** The golden file that the block is an excerpt of. */
  readonly golden: string | undefined
}

const FENCE = /^(?:<!-- golden: (\S+) -->\n)?```(\w*)\n([\s\S]*?)^```$/gm

/** All blocks of a page, in order. */
export const blocksOf = (page: string): ReadonlyArray<Block> => {
  const markdown = readPage(page)
  return Array.from(markdown.matchAll(FENCE), ([whole, golden, language = "", text = ""], at) => ({
    page,
    line: markdown.slice(0, markdown.indexOf(whole)).split("\n").length + (golden === undefined ? 0 : 1),
    language,
    text,
    golden,
    at
  }))
}

/** Whether the block is the output of the program above it; an excerpt of a golden file is not. */
export const isPrinted = ({ golden, language }: Block): boolean => language === "text" && golden === undefined

/** A block that is run, with its output on the page. */
export interface Example extends Block {
  readonly printed: Block | undefined
}

export const examplesOf = (page: string): ReadonlyArray<Example> => {
  const blocks = blocksOf(page)
  return blocks.flatMap((block, at) => {
    if (block.language !== "ts" && block.language !== "console") return []
    const next = blocks[at + 1]
    return [{ ...block, printed: next !== undefined && isPrinted(next) ? next : undefined }]
  })
}

/** The page with new outputs: below the `$` of a console block, in the text block after a program. */
export const withOutputs = (page: string, outputs: ReadonlyArray<string>): string => {
  const remaining = [...outputs]
  let printed: string | undefined
  return readPage(page).replaceAll(FENCE, (whole, golden: string | undefined, language: string, text: string) => {
    if (language === "ts") printed = remaining.shift()
    if (language === "console") return `\`\`\`console\n${text.split("\n")[0]}\n${remaining.shift()}\n\`\`\``
    return language === "text" && golden === undefined ? `\`\`\`text\n${printed}\n\`\`\`` : whole
  })
}

/** The text without what differs between runs: numbers, durations, line breaks. */
export const comparable = (text: string): string =>
  text
    .replaceAll(/\d+(?:\.\d+)*/g, "0")
    .replaceAll(/0 ?(?:ms|s|min)\b/g, "0 ms")
    .replaceAll(/\s+/g, " ")
    .trim()
