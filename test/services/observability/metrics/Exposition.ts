/** Reads Prometheus' text format back, as strictly as the tests need it. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gs

/** Every sample of the text; throws at a line that is none. */
export const samplesOf = (text: string): ReadonlyArray<Sample> =>
  text
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) => {
      const [, name, labels = "", value] = LINE.exec(line) ?? []
      if (name === undefined) throw new Error(`No sample: ${line}`)
      return {
        name,
        labels: Object.fromEntries(Array.from(labels.matchAll(LABEL), ([, key, text]) => [key!, text!])),
        value: Number(value)
      }
    })

/** The sum of the samples with that name and these labels; undefined where there is none. */
export const sampled = (
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {}
): number | undefined => {
  const found = samplesOf(text).filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}
