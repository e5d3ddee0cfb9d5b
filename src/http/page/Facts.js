/** Pairs of a name and a value, in a list that keeps its places. */
import { element, setAttribute, setText } from "./Dom.js"
import { makeRows } from "./Rows.js"

/**
 * A name and what is to be said of it; `mark` colours it beside its text.
 *
 * @typedef {readonly [name: string, text: string, mark?: string | undefined]} Fact
 */

/**
 * Makes a function that shows facts in a `<dl>`.
 *
 * @param {Element} parent
 * @returns {(facts: ReadonlyArray<Fact>) => void}
 */
export const makeFacts = (parent) =>
  makeRows(parent, {
    key: ([name]) => name,
    make: ([name]) => {
      const value = element("dd")
      return {
        element: element("div", {}, [element("dt", {}, [name]), value]),
        update: ([, text, mark]) => {
          setText(value, text)
          setAttribute(value, "data-mark", mark)
        }
      }
    }
  })
