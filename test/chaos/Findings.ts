/** What was found to be wrong, each with the moment it was found. */

/** One broken rule breaks a thousand times; the first ones tell which. */
const MOST_KEPT = 40

export class Findings {
  readonly list: Array<string> = []
  count = 0
  private readonly now: () => number
  private readonly since: number

  constructor(now: () => number) {
    this.now = now
    this.since = now()
  }

  /** Notes a broken rule. */
  add(text: string): void {
    if (++this.count <= MOST_KEPT) this.list.push(`at ${(this.now() - this.since).toFixed(0)} ms: ${text}`)
  }

  /** Notes a rule that does not hold. */
  must(holds: boolean, text: () => string): void {
    if (!holds) this.add(text())
  }
}
