/** Characters that `encodeURIComponent` leaves alone, but a shell or a copied quotation does not. */
const LEFT_ALONE = /[!'()*]/g

const toPercent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

/**
 * Percent-encodes a text for any part of a connection URI.
 *
 * Lone surrogates, which UTF-8 cannot carry, become U+FFFD.
 */
export const encode = (text: string): string => encodeURIComponent(text.toWellFormed()).replace(LEFT_ALONE, toPercent)

/**
 * Decodes a percent-encoded text; `undefined` when a `%` is not followed by two hexadecimal digits or the bytes are
 * not UTF-8. A plus sign stays a plus sign, as in libpq.
 */
export const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
