/** Tables whose rows are updated in place; on a narrow page each row is a card that contains the headings. */
import { element, setAttribute, setText } from "./Dom.js"
import { makeRows } from "./Rows.js"

/**
 * One column. `kind` is the class of its cells; `mark` sets their colour.
 * @template A
 * @typedef {object} Column
 * @property {string} title
 * @property {string} kind
 * @property {(value: A) => string} text
 * @property {(value: A) => string | undefined} [mark]
 */

/**
 * Makes a table in a container of its own that scrolls sideways, and a function that shows rows in it.
 *
 * The roles are explicit so that a screen reader still reads a table when the rows are displayed as cards.
 * @template A
 * @param {HTMLElement} container
 * @param {object} options
 * @param {string} options.caption
 * @param {string} options.empty the text shown without rows
 * @param {ReadonlyArray<Column<A>>} options.columns
 * @param {(value: A, index: number) => string | number} options.key
 * @returns {(values: ReadonlyArray<A>) => void}
 */
export const makeTable = (container, { caption, columns, empty, key }) => {
  const body = element("tbody", { role: "rowgroup" })
  const headings = columns.map(({ kind, title }) =>
    element("th", { scope: "col", role: "columnheader", class: kind }, [title])
  )
  const table = element("table", { role: "table" }, [
    element("caption", { class: "visually-hidden" }, [caption]),
    element("thead", { role: "rowgroup" }, [element("tr", { role: "row" }, headings)]),
    body
  ])
  const scroller = element("div", { class: "scroller", role: "region", "aria-label": caption, tabindex: "0" }, [table])
  const nothing = element("p", { class: "empty" }, [empty])
  container.append(scroller, nothing)

  const rows = makeRows(body, {
    key,
    make: () => {
      const cells = columns.map(({ kind, title }, index) =>
        element(index === 0 ? "th" : "td", {
          class: kind,
          "data-title": title,
          role: index === 0 ? "rowheader" : "cell",
          ...(index === 0 ? { scope: "row" } : {})
        })
      )
      return {
        element: element("tr", { role: "row" }, cells),
        /** @param {A} value */
        update: (value) => {
          columns.forEach(({ kind, mark, text }, index) => {
            const cell = cells[index]
            if (cell === undefined) return
            const shown = text(value)
            setText(cell, shown)
            if (kind.includes("long")) setAttribute(cell, "title", shown)
            if (mark !== undefined) setAttribute(cell, "data-mark", mark(value))
          })
        }
      }
    }
  })
  return (values) => {
    scroller.hidden = values.length === 0
    nothing.hidden = values.length > 0
    rows(values)
  }
}
