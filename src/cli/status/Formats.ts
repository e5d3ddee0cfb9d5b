/** How a status can be written. */
export const formats = ["line", "table", "json"] as const

export type Format = (typeof formats)[number]
