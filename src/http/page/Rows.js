/** Lists of elements that follow lists of values in place: a value that stays keeps its element. */
import { element, setAttribute, setText } from "./Dom.js"

/**
 * Makes a function that updates the parent's children to the values.
 * @template A
 * @param {Element} parent
 * @param {object} options
 * @param {(value: A, index: number) => string | number} options.key
 * @param {(value: A) => { readonly element: Element, readonly update: (value: A) => void }} options.make
 * @returns {(values: ReadonlyArray<A>) => void}
 */
export const makeRows = (parent, { key, make }) => {
  /** @type {Map<string | number, { readonly element: Element, readonly update: (value: A) => void }>} */
  let rows = new Map()
  return (values) => {
    /** @type {typeof rows} */
    const next = new Map()
    values.forEach((value, index) => {
      const name = key(value, index)
      const row = rows.get(name) ?? make(value)
      row.update(value)
      next.set(name, row)
    })
    for (const [name, row] of rows) if (!next.has(name)) row.element.remove()
    let before = parent.firstElementChild
    for (const { element } of next.values()) {
      if (element === before) before = before.nextElementSibling
      else parent.insertBefore(element, before)
    }
    rows = next
  }
}

/**
 * A name and a value; `mark` sets the colour of the value.
 * @typedef {readonly [name: string, text: string, mark?: string | undefined]} Fact
 */

// Makes a function that shows facts in a `<dl>`.
/** @type {(parent: Element) => (facts: ReadonlyArray<Fact>) => void} */
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
