/** A table behind scripted sessions: rows appear at COMMIT, also when its reply is lost. */
import * as Effect from "effect/Effect"
import type { Answer, ScriptedServer, Statements } from "../../src/testing/ScriptedSessions.ts"
import type { SeededRandom } from "../chaos/SeededRandom.ts"
import type { Violations } from "../chaos/Violations.ts"

/** The longest time before a COMMIT takes effect, and from then until its reply, each in milliseconds. */
const MAX_COMMIT_MILLIS = 20

const MILLIS_PER_SECOND = 1000

/** A transaction in progress: its rows, and the number of rows at each savepoint. */
interface Block {
  rows: Array<number>
  writer: number | undefined
  readonly savepoints: Map<string, number>
}

type Statement = { readonly sql: string; readonly sessionId: number }

export class ScriptedTable {
  readonly rows: Array<number> = []
  private readonly blocks = new Map<number, Block>()
  private readonly random: SeededRandom
  private readonly violations: Violations
  private server: ScriptedServer | undefined

  constructor(random: SeededRandom, violations: Violations) {
    this.random = random
    this.violations = violations
  }

  /** The transaction status of its sessions decides what a COMMIT does. */
  attach(server: ScriptedServer): void {
    this.server = server
  }

  /** The script: statements and their results. */
  get statements(): Statements {
    return [
      [/^select \$1::int as n, pg_sleep/, this.echo],
      [/^insert into ledger/, this.insert],
      [
        /^select g as n from generate_series/,
        ([rows]) => Array.from({ length: Number(rows) }, (_, at) => ({ n: at + 1 }))
      ],
      [/^set work_mem/, []],
      [/^begin$/i, this.begin],
      [/^commit$/i, this.commit],
      [/^rollback$/i, (_, { sessionId }) => this.end(sessionId, "ROLLBACK")],
      [/^savepoint /i, (_, { sessionId, sql }) => this.savepoint(sessionId, sql.slice("SAVEPOINT ".length))],
      [
        /^rollback to savepoint /i,
        (_, { sessionId, sql }) => this.rollbackTo(sessionId, sql.slice("ROLLBACK TO SAVEPOINT ".length))
      ]
    ]
  }

  private readonly echo: Answer = ([n, seconds]) =>
    Effect.as(Effect.sleep(Number(seconds) * MILLIS_PER_SECOND), [{ n, s: "" }])

  private readonly begin: Answer = (_, { sessionId }) => {
    const status = this.statusOf(sessionId)
    this.violations.must(status === "I", () => `session ${sessionId} began a transaction within another`)
    this.blocks.set(sessionId, { rows: [], writer: undefined, savepoints: new Map() })
    return { rows: [], command: "BEGIN" }
  }

  private readonly insert: Answer = ([id, writer], { sessionId }) => {
    const block = this.statusOf(sessionId) === "I" ? undefined : this.blocks.get(sessionId)
    if (block === undefined) this.rows.push(Number(id))
    else {
      block.writer ??= Number(writer)
      this.violations.must(
        block.writer === writer,
        () => `two callers wrote in one transaction of session ${sessionId}`
      )
      block.rows.push(Number(id))
    }
    return { rows: [], rowCount: 1 }
  }

  private readonly commit = (_: ReadonlyArray<unknown>, { sessionId }: Statement) => {
    const before = this.random.int(0, MAX_COMMIT_MILLIS)
    const after = this.random.int(0, MAX_COMMIT_MILLIS)
    return Effect.gen({ self: this }, function* () {
      yield* Effect.sleep(before)
      const failed = this.statusOf(sessionId) !== "T"
      if (!failed) this.rows.push(...(this.blocks.get(sessionId)?.rows ?? []))
      this.blocks.delete(sessionId)
      yield* Effect.sleep(after)
      return { rows: [], command: failed ? "ROLLBACK" : "COMMIT" }
    })
  }

  /** A scripted BEGIN whose caller was interrupted at the moment of its result has not begun a transaction. */
  private statusOf(sessionId: number) {
    return this.server?.session(sessionId)["transaction"].status
  }

  private end(sessionId: number, command: string) {
    this.blocks.delete(sessionId)
    return { rows: [], command }
  }

  private savepoint(sessionId: number, name: string) {
    const block = this.blocks.get(sessionId)
    block?.savepoints.set(name, block.rows.length)
    return { rows: [], command: "SAVEPOINT" }
  }

  private rollbackTo(sessionId: number, name: string) {
    const block = this.blocks.get(sessionId)
    if (block !== undefined) block.rows = block.rows.slice(0, block.savepoints.get(name))
    return { rows: [], command: "ROLLBACK" }
  }
}
