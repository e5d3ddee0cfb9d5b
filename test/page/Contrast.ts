/** The contrast of a page's texts (WCAG 2.2, contrast ratio), measured in the page. */
import * as Effect from "effect/Effect"
import type { Page } from "playwright-core"

/** Texts of less contrast than this to their background, each with its ratio. 4.5 is level AA for small text. */
export const faintTexts = (page: Page, least: number): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(() =>
    page.evaluate((least) => {
      const canvas = document.createElement("canvas")
      canvas.width = 1
      canvas.height = 1
      const context = canvas.getContext("2d", { willReadFrequently: true })
      if (context === null) throw new Error("no canvas")
      /** The visible colour when these are laid on each other, the first one lowest. */
      const mixed = (colors: ReadonlyArray<string>): ReadonlyArray<number> => {
        context.clearRect(0, 0, 1, 1)
        for (const color of colors) {
          context.fillStyle = color
          context.fillRect(0, 0, 1, 1)
        }
        return Array.from(context.getImageData(0, 0, 1, 1).data.slice(0, 3))
      }
      const luminance = (color: ReadonlyArray<number>): number => {
        const [red = 0, green = 0, blue = 0] = color.map((channel) => {
          const share = channel / 255
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
        })
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
      }
      const ratio = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): number => {
        const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
        return (lighter + 0.05) / (darker + 0.05)
      }
      const faint: Array<string> = []
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      while (walker.nextNode()) {
        const text = walker.currentNode.textContent?.trim() ?? ""
        const element = walker.currentNode.parentElement
        if (
          text === "" ||
          element === null ||
          !element.checkVisibility() ||
          element.closest(".visually-hidden") !== null
        )
          continue
        const behind: Array<string> = []
        for (let up: Element | null = element; up !== null; up = up.parentElement) {
          behind.unshift(getComputedStyle(up).backgroundColor)
        }
        const ground = mixed(behind)
        const seen = ratio(mixed([...behind, getComputedStyle(element).color]), ground)
        if (seen < least) faint.push(`${seen.toFixed(2)}: ${text.slice(0, 60)}`)
      }
      return faint
    }, least)
  )
