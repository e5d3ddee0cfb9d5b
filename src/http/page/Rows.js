/** A list of elements that follows a list of values in place: what stays is the same element, at the same place. */

/**
 * Makes a function that brings the parent's children in line with the values.
 *
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
