/** A course of values as one line of characters. */

/** The lowest character stands for zero alone: something is never drawn as nothing. */
export const blocks = "▁▂▃▄▅▆▇█"

/** For terminals that show nothing but ASCII. */
export const asciiBlocks = "_.:-=+*#"

/**
 * The last values that fit into the width, newest at the right, scaled from zero to `top` (or to the largest of them
 * where `top` is undefined). Where nothing was measured there is a gap.
 */
export const sparkline = (
  values: ReadonlyArray<number | null>,
  width: number,
  characters: string,
  top?: number | undefined
): string => {
  const shown = values.slice(Math.max(0, values.length - width))
  const highest = top ?? Math.max(0, ...shown.map((value) => value ?? 0))
  const steps = characters.length - 1
  return shown
    .map((value) => {
      if (value === null) return " "
      if (value <= 0 || highest <= 0) return characters[0]
      return characters[Math.min(steps, Math.max(1, Math.ceil((value / highest) * steps)))]
    })
    .join("")
    .padStart(width)
}
