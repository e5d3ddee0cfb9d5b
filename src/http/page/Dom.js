/** Updates of the document: only where a value changed, and only as text. */

// The element with this id; a page without it is broken.
/** @type {(id: string) => HTMLElement} */
export const byId = (id) => {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no element #${id}`)
  return element
}

/**
 * An element with attributes and children; texts become text nodes.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {ReadonlyArray<Node | string>} [children]
 * @returns {HTMLElementTagNameMap[Name]}
 */
export const element = (name, attributes = {}, children = []) => {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

// Sets the text unless it is the same already, so that a selection survives.
/** @type {(node: Node, text: string) => void} */
export const setText = (node, text) => {
  const { firstChild } = node
  if (firstChild instanceof Text && firstChild === node.lastChild) {
    if (firstChild.data !== text) firstChild.data = text
  } else if (node.textContent !== text) node.textContent = text
}

// Sets an attribute unless it is the same already; undefined removes it.
/** @type {(element: Element, name: string, value: string | undefined) => void} */
export const setAttribute = (element, name, value) => {
  if (value === undefined) element.removeAttribute(name)
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

/** @type {(element: HTMLElement, shown: boolean) => void} */
export const show = (element, shown) => {
  if (element.hidden === shown) element.hidden = !shown
}
