/** The broken rules that a test found, each with its time. */

/** A broken rule may be broken a thousand times; the first ones are enough. */
const MAX_KEPT = 40

export class Violations {
  readonly list: Array<string> = []
  count = 0
  private readonly now: () => number
  private readonly since: number

  constructor(now: () => number) {
    this.now = now
    this.since = now()
  }

  add(text: string): void {
    if (++this.count <= MAX_KEPT) this.list.push(`at ${(this.now() - this.since).toFixed(0)} ms: ${text}`)
  }

  must(holds: boolean, text: () => string): void {
    if (!holds) this.add(text())
  }
}
