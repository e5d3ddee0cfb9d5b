/** Lines in blocks, and how blocks share the rows of a terminal. Pure. */

/** The colour of a line; its text is complete without it. */
export type Tone = "plain" | "strong" | "faint" | "good" | "limited" | "bad"

export interface Line {
  readonly text: string
  readonly tone: Tone
}

export const line = (text: string, tone: Tone = "plain"): Line => ({ text, tone })

/** Lines of one subject. */
export interface Block {
  /** Blocks of a lower rank get their rows first. */
  readonly rank: number
  /** The fewest lines to show; with fewer rows the block is left out. */
  readonly least: number
  readonly lines: ReadonlyArray<Line>
  /** The last row when lines are left out; undefined for none. */
  readonly more?: (left: number) => Line
}

/** Free rows for each gap from which on gaps are kept before blocks get more rows. */
const ROWS_PER_GAP = 2

/** The rows of each block: its least in the order of rank, then one row each in turn until all are used. */
const sharesOf = (blocks: ReadonlyArray<Block>, rows: number): ReadonlyArray<number> => {
  const shares = blocks.map(() => 0)
  const byRank = blocks.map((block, index) => ({ block, index })).toSorted((a, b) => a.block.rank - b.block.rank)
  let free = rows
  for (const { block, index } of byRank) {
    const least = Math.min(block.least, block.lines.length)
    if (least > free) continue
    shares[index] = least
    free -= least
  }
  const gaps = shares.filter((share) => share > 0).length - 1
  if (free >= ROWS_PER_GAP * gaps) free -= gaps
  for (let given = true; free > 0 && given;) {
    given = false
    for (const { block, index } of byRank) {
      const share = shares[index] ?? 0
      if (free === 0 || share === 0 || share >= block.lines.length) continue
      shares[index] = share + 1
      free -= 1
      given = true
    }
  }
  return shares
}

/** A title, one row and the row that counts the others; with fewer rows there is no such row. */
const ROWS_WITH_MORE = 3

const shown = ({ lines, more }: Block, share: number): ReadonlyArray<Line> => {
  if (share >= lines.length || more === undefined || share < ROWS_WITH_MORE) return lines.slice(0, share)
  return [...lines.slice(0, share - 1), more(lines.length - share + 1)]
}

/** The blocks from top to bottom in at most this many rows, with an empty row between two while there are rows left. */
export const arrange = (blocks: ReadonlyArray<Block>, rows: number): ReadonlyArray<Line> => {
  const parts = sharesOf(blocks, rows).flatMap((share, index) => {
    const block = blocks[index]
    return block === undefined || share === 0 ? [] : [shown(block, share)]
  })
  const gaps = rows - parts.reduce((sum, part) => sum + part.length, 0)
  return parts.flatMap((part, index) => (index === 0 || index > gaps ? part : [line("")].concat(part)))
}
