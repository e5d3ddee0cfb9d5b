/**
 * Facts about each statement text: the state that it leaves behind, its operation and its speed.
 *
 * Programs run the same few hundred texts again and again, so a text is examined once and costs one `Map` lookup after
 * that. The cache is bounded in entries and in bytes. When it is full it starts empty again: generated SQL cannot fill
 * it, and no lookup pays for an order of use.
 */
import type { Histogram } from "./Histogram.ts"
import { isRepeatable } from "./StatementEffects.ts"
import { operationOf, type Taint, taintOf } from "./StatementText.ts"

/** Texts kept: several times what one program uses. */
const MAX_TEXTS = 2000

/** Longer texts are bulk inserts with their values in the text, which do not repeat. In UTF-16 code units. */
const MAX_TEXT_LENGTH = 4096

/** All texts together. `MAX_TEXTS` of the usual length (up to 1 000 code units) fit. */
const MAX_BYTES = 4 * 1024 * 1024

/** V8 stores a string with any character beyond Latin-1 in two bytes per code unit; counted for every string. */
const BYTES_PER_CODE_UNIT = 2

/** A shared session delays the statements behind a slow one: at most a few round trips within one region. */
const QUICK_MILLIS = 10

const QUICK_MAGNITUDE = Math.log2(QUICK_MILLIS)

/** Weight of the last run in the average: three runs of a second in a row make a quick statement slow. */
const WEIGHT = 0.2

/** The cost of a statement that was never timed or takes next to no time, in milliseconds. */
const MIN_COST_MILLIS = 0.1

/** Statements that leave no transaction, setting or cursor behind. */
const INDEPENDENT = new Set(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES"])

/** Facts about one text. Read lazily, because a text that is not kept is examined for every use. */
export class StatementFacts {
  /** The histogram of its successful runs. Owned by `OperationTimes`. */
  duration: Histogram | undefined = undefined
  private readonly sql: string
  private knownTaint: Taint | undefined = undefined
  private knownOperation: string | undefined = undefined
  private knownRepeatable: boolean | undefined = undefined
  /**
   * Binary logarithm of the milliseconds it takes, at least 0; undefined before the first run. Averaging magnitudes (a
   * geometric mean) keeps a statement quick when the machine is busy for a moment, and makes one slow that is slow
   * every other time.
   */
  private magnitude: number | undefined = undefined

  constructor(sql: string) {
    this.sql = sql
  }

  get taint(): Taint {
    return (this.knownTaint ??= taintOf(this.sql))
  }

  get operation(): string {
    return (this.knownOperation ??= operationOf(this.sql))
  }

  /** Whether a second run cannot do harm; read only when a session was lost. */
  get isRepeatable(): boolean {
    return (this.knownRepeatable ??= isRepeatable(this.sql))
  }

  /** Whether it may share a session with other statements: quick so far, independent, and without state left behind. */
  get isQuick(): boolean {
    return (
      this.magnitude !== undefined &&
      this.magnitude <= QUICK_MAGNITUDE &&
      this.taint === "clean" &&
      INDEPENDENT.has(this.operation)
    )
  }

  /** Milliseconds that it is expected to delay the statements behind it; rises continuously with its duration. */
  get cost(): number {
    return this.magnitude === undefined ? MIN_COST_MILLIS : 2 ** this.magnitude - 1 + MIN_COST_MILLIS
  }

  /** It succeeded after so many milliseconds on the server. */
  succeeded(millis: number): void {
    const magnitude = millis <= 1 ? 0 : Math.log2(millis)
    const average = this.magnitude
    // Storing an equal number would allocate it anew.
    if (average === magnitude) return
    this.magnitude = average === undefined ? magnitude : average + WEIGHT * (magnitude - average)
  }

  /** It failed or was interrupted: evidence that it is slow, but never that it is quick. */
  stopped(millis: number): void {
    if (millis > QUICK_MILLIS) this.succeeded(millis)
  }
}

export class StatementCache {
  private facts = new Map<string, StatementFacts>()
  private bytes = 0

  /** Texts kept at present. */
  get size(): number {
    return this.facts.size
  }

  /** The facts of a text. A long text is examined for every call. */
  get(sql: string): StatementFacts {
    return this.facts.get(sql) ?? this.add(sql)
  }

  private add(sql: string): StatementFacts {
    const facts = new StatementFacts(sql)
    if (sql.length > MAX_TEXT_LENGTH) return facts
    const bytes = sql.length * BYTES_PER_CODE_UNIT
    if (this.facts.size >= MAX_TEXTS || this.bytes + bytes > MAX_BYTES) {
      this.facts = new Map()
      this.bytes = 0
    }
    this.bytes += bytes
    this.facts.set(sql, facts)
    return facts
  }
}
